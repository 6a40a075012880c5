/**
 * The shapes the console works with. Those of operations are the hub's own, generated from its registry
 * (`src/api/types.gen.ts`); here they get the names by which the pages know them. Times are epoch seconds.
 */

import type { Operations } from "@/api/types.gen";

export type { Operations };

/** What an operation is sent and what it answers. */
export type Request<Name extends keyof Operations> = Operations[Name]["request"];
export type Result<Name extends keyof Operations> = Operations[Name]["result"];

type Item<List> = List extends readonly (infer One)[] ? One : never;

// Set-up and callers

export type SetupState = Result<"Roadstead.GetSetupState">;
export type LoginResult = Result<"Roadstead.Login">;
export type ConfirmedTotp = Result<"Roadstead.ConfirmTotp">;
export type PasskeyProof = Request<"Roadstead.FinishPasskeyLogin">;
export type LoginSession = Item<Result<"Roadstead.ListLoginSessions">["LoginSessions"]>;
export type Caller = Result<"Roadstead.GetCaller">;
export type AccessKey = Item<Result<"Roadstead.ListAccessKeys">["AccessKeys"]>;
export type CreatedAccessKey = Result<"Roadstead.CreateAccessKey">;

// Hub

export type HubDescription = Result<"Roadstead.DescribeHub">;
export type Overview = Result<"Roadstead.GetOverview">;
export type NamedCount = Item<Overview["Nodes"]["ByPlatform"]>;

// Nodes

export type SearchNodesRequest = Request<"Roadstead.SearchNodes">;
export type SearchNodesResult = Result<"Roadstead.SearchNodes">;
export type NodeSummary = Item<SearchNodesResult["Nodes"]>;
export type NodeDescription = Result<"Roadstead.DescribeNode">;
export type JoinRequest = Item<Result<"Roadstead.ListJoinRequests">["JoinRequests"]>;
export type NodeStatus = NodeSummary["Status"];
export type OfflineReason = NonNullable<NodeSummary["OfflineReason"]>;
export type Tag = Item<NodeSummary["Tags"]>;
export type Filter = Required<NonNullable<SearchNodesRequest["Filter"]>>;
export type FilterTerm = Item<Filter["Terms"]>;
export type FilterOp = FilterTerm["Op"];
export type Sort = Required<NonNullable<SearchNodesRequest["Sort"]>>;
export type ResolveTargetsRequest = Request<"Roadstead.ResolveTargets">;
export type ResolvedTargets = Result<"Roadstead.ResolveTargets">;
export type OfflineNode = Item<ResolvedTargets["OfflineNodes"]>;

// Commands

export type SendCommandRequest = Request<"AmazonSSM.SendCommand">;
export type OfflineChoice = NonNullable<SendCommandRequest["OfflineNodes"]>;
export type Target = Required<Item<NonNullable<SendCommandRequest["Targets"]>>>;
/** With upstream's members, as lists have it. */
export type Command = Item<Result<"AmazonSSM.ListCommands">["Commands"]>;
export type CommandDescription = Result<"Roadstead.DescribeCommand">;
/** With ours too. */
export type WholeCommand = CommandDescription["Command"];
export type StateCount = Item<CommandDescription["States"]>;
export type Invocation = Item<Result<"Roadstead.SearchInvocations">["Invocations"]>;
/** One node's share of a command, with its steps. */
export type InvocationDetails = Item<Result<"AmazonSSM.ListCommandInvocations">["CommandInvocations"]>;
export type InvocationStep = Item<InvocationDetails["CommandPlugins"]>;
export type Upload = Item<Result<"Roadstead.ListOutputUploads">["Uploads"]>;
export type OutputGroup = Item<Result<"Roadstead.GroupOutputs">["Groups"]>;
export type OutputGroupStep = Item<OutputGroup["Steps"]>;
export type OutputGroups = Result<"Roadstead.GroupOutputs">;
export type OutputSearch = Request<"Roadstead.SearchOutputs">;
export type OutputSearchResult = Result<"Roadstead.SearchOutputs">;
export type FoundNode = Item<OutputSearchResult["Nodes"]>;
export type FoundLine = Item<FoundNode["Lines"]>;
export type OutputPiece = Result<"Roadstead.GetOutput">;
export type StreamName = Request<"Roadstead.GetOutput">["Stream"];

export type Approval = Item<Result<"Roadstead.ListApprovals">["Approvals"]>;

// Documents

export type DocumentIdentifier = Item<Result<"AmazonSSM.ListDocuments">["DocumentIdentifiers"]>;
export type DocumentDescription = Result<"AmazonSSM.DescribeDocument">["Document"];
export type DocumentVersion = Item<Result<"AmazonSSM.ListDocumentVersions">["DocumentVersions"]>;
export type DocumentProblem = Item<Result<"Roadstead.LintDocument">["Problems"]>;
export type DocumentShare = Item<Result<"AmazonSSM.DescribeDocumentPermission">["AccountSharingInfoList"]>;
export type DocumentReview = Item<Result<"AmazonSSM.ListDocumentMetadataHistory">["Metadata"]["ReviewerResponse"]>;

// Sessions

export type Session = Item<Result<"AmazonSSM.DescribeSessions">["Sessions"]>;

// Activations

export type JoinLine = Result<"Roadstead.CreateJoinLine">;
export type Activation = Item<Result<"AmazonSSM.DescribeActivations">["ActivationList"]>;

// Rights

export type User = Item<Result<"Roadstead.ListUsers">["Users"]>;
export type Scope = User["Scope"];
export type Role = Item<Result<"Roadstead.ListRoles">["Roles"]>;
export type Policy = Item<Result<"Roadstead.ListPolicies">["Policies"]>;
export type PolicyDocument = Result<"Roadstead.GetPolicy">["Document"];
export type PolicyStatement = Item<PolicyDocument["Statements"]>;
export type PolicyResource = Item<PolicyStatement["Resources"]>;
export type PolicyCondition = Item<NonNullable<PolicyStatement["Conditions"]>>;
export type PolicyOperator = PolicyCondition["Operator"];
export type TagSelector = Item<NonNullable<PolicyResource["Tags"]>>;
export type Group = Item<Result<"Roadstead.ListGroups">["Groups"]>;
export type HeldLimits = Item<Result<"Roadstead.ListLimits">["Limits"]>;
export type Limits = HeldLimits["Limits"];
export type LimitHolder = Request<"Roadstead.PutLimits">["Holder"];
export type LoginRule = Item<Result<"Roadstead.ListLoginRules">["LoginRules"]>;
export type Verdict = Item<Result<"Roadstead.SimulateAccess">["Users"]>;

// Logs

export type LogGroup = Item<Result<"Logs_20140328.DescribeLogGroups">["logGroups"]>;
export type LogStream = Item<Result<"Logs_20140328.DescribeLogStreams">["logStreams"]>;
export type LogEvent = Item<Result<"Logs_20140328.FilterLogEvents">["events"]>;
export type StreamEvent = Item<Result<"Logs_20140328.GetLogEvents">["events"]>;

// Tags

export type TaggedResource = Item<Result<"Roadstead.SearchResources">["Resources"]>;
export type TagRule = Item<Result<"Roadstead.ListTagRules">["Rules"]>;

// Audit log

export type AuditEvent = Item<Result<"Roadstead.ListAuditEvents">["Events"]>;
export type AuditVerdict = Omit<Result<"Roadstead.VerifyAudit">, "NextSeq">;
export type AuditFinding = Item<AuditVerdict["Findings"]>;
export type AuditShipping = Result<"Roadstead.GetAuditShipping">;
export type AuditShippingSettings = Request<"Roadstead.PutAuditShipping">["Settings"];
export type AuditDelivery = Item<AuditShipping["Deliveries"]>;
export type Ship = NonNullable<NonNullable<AuditShippingSettings["File"]>["Ship"]>;
export type SyslogProtocol = NonNullable<AuditShippingSettings["Syslog"]>["Protocol"];
export type Responsibility = Item<Result<"Roadstead.DescribeResponsibilities">["Responsibilities"]>;

// Single sign-on

export type Oidc = Result<"Roadstead.GetOidc">;
export type OidcSettings = Request<"Roadstead.PutOidc">["Settings"];
