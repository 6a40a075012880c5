// Generated from the hub's registry by `UPDATE_GOLDEN=1 cargo test golden`; do not edit.

export type AccessRule = { Name: string; Nodes: Nodes; Path: string; WithDecryption: boolean; };

export type AccessSubject = { Id?: string; Kind: string; };

export type AccessVerdict = { Allowed: boolean; Policy?: string; Reason: string; Statement?: string; UserName: string; Via?: string; };

export type AccountSettings = { GroupLifecycleEventsDesiredStatus: string; GroupLifecycleEventsStatus: string; };

export type AccountSettingsResult = { AccountSettings: AccountSettings; };

export type Activation = { ActivationId: string; CreatedDate: number; DefaultInstanceName?: string; Description: string; ExpirationDate: number; Expired: boolean; IamRole: string; NeedsApproval?: boolean; RegistrationLimit: number; RegistrationsCount: number; Tags: Tag[]; };

export type ActivationCounts = { Open: number; };

export type AddRequest = { ResourceId?: string; ResourceType?: string; Tags?: Tag[]; };

export type Addressing = "host" | "path";

export type Alarm = { Name: string; };

export type AlarmConfiguration = { Alarms: Alarm[]; IgnorePollAlarmFailure?: boolean; };

export type Allowed = string[];

export type Approval = { Signature: string; Text: string; };

export type ApprovalView = { CommandId: string; Comment: string; DecidedAt?: number; DecidedBy?: string; Decision: Decision; DocumentName: string; ExpiresAt: number; NodeCount: number; Reason: string; RequestedAt: number; RequestedBy: string; };

export type ApproveRequest = { AsNewNode?: boolean; Filter?: Filter4; RequestIds?: string[]; };

export type AssumeRoleRequest = { DurationSeconds?: number; RoleArn: string; RoleSessionName: string; };

export type AssumeRoleResult = { AssumedRoleUser: AssumedRoleUser; Credentials: Credentials; };

export type AssumedRoleUser = { Arn: string; AssumedRoleId: string; };

export type AttachPolicyRequest = { PolicyName: string; RoleName?: string; UserName?: string; };

export type AttachmentContent = { Hash: string; HashType: string; Name: string; Size: number; Url: string; };

export type AttachmentName = { Name: string; };

export type AuditEvent = { Address: string; At: number; Caller: string; CommandId: string; Detail: string; Hash: string; NodeIds: string[]; Operation: string; Outcome: string; Repeats: number; RequestId: string; Seq: number; Target: string; UserName: string; };

export type AuditShippingSettings = { AllowedNetworks?: Allowed; File?: FileSink; Syslog?: SyslogSink; Webhook?: WebhookSink; };

export type BeginLoginResult = { Challenge: string; RpId: string; };

export type BeginOidcResult = { Url: string; };

export type BeginResult = { Algorithms: number[]; Challenge: string; ExcludeIds: string[]; RpId: string; UserHandle: string; UserName: string; };

export type ByPathRequest = { MaxResults?: number; NextToken?: string; ParameterFilters?: StringFilter2[]; Path?: string; Recursive?: boolean; WithDecryption?: boolean; };

export type ByPathResult = { NextToken?: string; Parameters: Parameter[]; };

export type CallerIdentity = { Account: string; Arn: string; UserId: string; };

export type CallerView = { AccountId: string; CsrfToken?: string; Kind: string; LoginSessionId?: string; Narrowed: boolean; Next: string; Region: string; Role: string; Roles: string[]; SteppedUpUntil?: number; UserName: string; Version: string; };

export type CancelRequest = { CommandId: string; InstanceIds?: string[]; };

export type CancelResult = { EndedCount?: number; NotBegunCount?: number; StoppingCount?: number; };

export type ChangeRequest = { CurrentPassword: string; NewPassword: string; };

export type ChangeTagsRequest = { Changes: TagChange[]; };

export type ChangeTagsResult = { Changed: number; Failed: FailedTagChange[]; };

export type ClearRequest = { UserName: string; };

export type CommandCounts = { Failed24h: number; Last24h: number; Recent: CommandView[]; Running: number; };

export type CommandStep = { Action: string; Name: string; Platforms: string[]; };

export type CommandView = { AlarmConfiguration: unknown; CloudWatchOutputConfig: unknown; CommandId: string; Comment: string; CompletedCount: number; DeliveryTimedOutCount: number; DocumentName: string; DocumentVersion: string; ErrorCount: number; ExpiresAfter: number; InstanceIds: string[]; MaxConcurrency: string; MaxErrors: string; NotificationConfig: unknown; OutputS3BucketName: string; OutputS3KeyPrefix: string; OutputS3Region: string; Parameters: Record<string, string[]>; RequestedDateTime: number; ServiceRole: string; Status: string; StatusDetails: string; TargetCount: number; Targets: Target[]; TimeoutSeconds: number; TriggeredAlarms: unknown[]; };

export type Comment = { Content?: string; Type?: string; };

export type ComplianceDetails = { ComplianceStatus: boolean; KeysWithNoncompliantValues: string[]; MissingTagKeys: string[]; NoncompliantKeys: string[]; };

export type ComplianceSummary = { LastUpdated: string; NonCompliantResources: number; Region: string; ResourceType?: string; TargetId: string; TargetIdType: string; };

export type ConfirmRequest = { Attestation: string; Challenge: string; ClientData: string; Name: string; };

export type ConfirmRequest2 = { Code: string; };

export type Confirmed = { Login: LoggedIn; RecoveryCodes: string[]; };

export type ConsideredStatement = { Effect: Effect; Matches: boolean; Policy: string; Statement: string; Via: string; };

export type ContinueRequest = { Code?: string; RecoveryCode?: string; Ticket: string; };

export type CreateGroupRequest = { Description?: string; GroupName: string; NodeIds?: string[]; Rule?: string; };

export type CreateRequest = { DefaultInstanceName?: string; Description?: string; ExpirationDate?: number; IamRole: string; NeedsApproval?: boolean; RegistrationLimit?: number; RegistrationMetadata?: Metadata[]; Tags?: Tag[]; };

export type CreateRequest2 = { Attachments?: Source[]; Content: string; DisplayName?: string; DocumentFormat?: string; DocumentType?: string; Name: string; Requires?: Requires[]; Tags?: Tag[]; TargetType?: string; VersionName?: string; };

export type CreateRequest3 = { Description?: string; ExpiresAt?: number; Scope?: string[]; UserName?: string; };

export type CreateRequest4 = { Count?: number; ExpiresInSeconds?: number; Name?: string; NeedsApproval?: boolean; Tags?: Tag[]; };

export type CreateRequest5 = { Alias?: string; Description?: string; };

export type CreateResourceGroupRequest = { Configuration?: GroupConfigurationItem[]; Criticality?: number; Description?: string; DisplayName?: string; Name: string; Owner?: string; ResourceQuery?: ResourceQuery; Tags?: Record<string, string>; };

export type CreateResourceGroupResult = { Group: ResourceGroup; GroupConfiguration?: GroupConfiguration; ResourceQuery?: ResourceQuery; Tags: Record<string, string>; };

export type CreateResult = { ActivationCode: string; ActivationId: string; };

export type CreateResult2 = { AccessKeyId: string; CreatedAt: number; ExpiresAt?: number; SecretAccessKey: string; UserName: string; };

export type CreateResult3 = { ActivationId: string; Addresses: string[]; ExpiresAt: number; Line: string; OfflineLine: string; Token: string; };

export type CreateResult4 = { Key: SecretKey; };

export type CreateRoleRequest = { Description?: string; Policies?: string[]; RoleName: string; };

export type CreateUserRequest = { Description?: string; Password?: string; Roles?: string[]; Scope?: NodeScope; UserName: string; };

export type Credentials = { AccessKeyId: string; Expiration: string; SecretAccessKey: string; SessionToken: string; };

export type CutView = { HeadBytes: number; OmittedBytes: number; };

export type DecideCommandRequest = { CommandId: string; Reason?: string; };

export type DecideCommandResult = { Approval: ApprovalView; };

export type Decision = "Approved" | "Expired" | "Open" | "Rejected";

export type DecisionResult = { RequestIds: string[]; };

export type DefaultDescription = { DefaultVersion: string; DefaultVersionName?: string; Name: string; };

export type DefaultRequest = { DocumentVersion: string; Name: string; };

export type DefaultResult = { Description: DefaultDescription; };

export type DeleteManyRequest = { Names?: string[]; };

export type DeleteManyResult = { DeletedParameters: string[]; InvalidParameters: string[]; };

export type DeleteRequest = { ActivationId: string; };

export type DeleteRequest2 = { DocumentVersion?: string; Force?: boolean; Name: string; VersionName?: string; };

export type DeleteRequest3 = { Name?: string; };

export type DeleteRequest4 = { AccessKeyId: string; };

export type DeleteRequest5 = { Name: string; };

export type DeleteResult = Record<string, unknown>;

export type DeleteRoleRequest = { RoleName: string; };

export type DeleteTagRuleRequest = { Key: string; };

export type DeliveryView = { DeliveredAt?: number; DeliveredSeq: number; Failures: number; LastError: string; LastErrorAt?: number; NextAttemptAt?: number; Pending: number; Sink: Sink; };

export type DeregisterRequest = { InstanceId: string; };

export type DescribeInformationRequest = { Filters?: StringFilter[]; InstanceInformationFilterList?: LegacyFilter[]; MaxResults?: number; NextToken?: string; };

export type DescribeInformationResult = { InstanceInformationList: InstanceInformation[]; NextToken?: string; };

export type DescribeLogGroupsRequest = { limit?: number; logGroupClass?: string; logGroupIdentifiers?: string[]; logGroupNamePattern?: string; logGroupNamePrefix?: string; nextToken?: string; };

export type DescribeLogGroupsResult = { logGroups: LogGroup[]; nextToken?: string; };

export type DescribeLogStreamsRequest = { descending?: boolean; limit?: number; logGroupIdentifier?: string; logGroupName?: string; logStreamNamePrefix?: string; nextToken?: string; orderBy?: string; };

export type DescribeLogStreamsResult = { logStreams: LogStream[]; nextToken?: string; };

export type DescribePropertiesRequest = { FiltersWithOperator?: StringFilter[]; InstancePropertyFilterList?: LegacyFilter[]; MaxResults?: number; NextToken?: string; };

export type DescribePropertiesResult = { InstanceProperties: InstanceProperty[]; NextToken?: string; };

export type DescribeReportCreationRequest = Record<string, unknown>;

export type DescribeReportCreationResult = { Status: string; };

export type DescribeRequest = { Filters?: Filter[]; MaxResults?: number; NextToken?: string; };

export type DescribeRequest2 = { DocumentVersion?: string; Name: string; VersionName?: string; };

export type DescribeRequest3 = { MaxResults?: number; Name: string; NextToken?: string; PermissionType: string; };

export type DescribeRequest4 = { Filters?: LegacyFilter2[]; MaxResults?: number; NextToken?: string; ParameterFilters?: StringFilter2[]; Shared?: boolean; };

export type DescribeRequest5 = { CommandId: string; };

export type DescribeRequest6 = { NodeId: string; };

export type DescribeRequest7 = { NodeId: string; };

export type DescribeResult = { ActivationList: Activation[]; NextToken?: string; };

export type DescribeResult2 = { Document: DocumentDescription; };

export type DescribeResult3 = { AccountIds: string[]; AccountSharingInfoList: SharingInfo[]; NextToken?: string; };

export type DescribeResult4 = { NextToken?: string; Parameters: ParameterMetadata[]; };

export type DescribeSessionsRequest = { Filters?: SessionFilter[]; MaxResults?: number; NextToken?: string; State: string; };

export type DescribeSessionsResponse = { NextToken?: string; Sessions: Session[]; };

export type DescribeUserRequest = { UserName: string; };

export type DescriptionResult = { DocumentDescription: DocumentDescription; };

export type DocumentDescription = { ApprovedVersion?: string; AttachmentsInformation: AttachmentName[]; Author: string; CreatedDate: number; DefaultVersion: string; Description: string; DisplayName?: string; DocumentFormat: string; DocumentType: string; DocumentVersion: string; Hash: string; HashType: string; LatestVersion: string; Name: string; Owner: string; Parameters: ParameterView[]; PendingReviewVersion?: string; PlatformTypes: string[]; Requires: Requires[]; ReviewInformation: ReviewInformation[]; ReviewStatus?: string; SchemaVersion: string; Status: string; Tags: Tag[]; TargetType?: string; VersionName?: string; };

export type DocumentIdentifier = { Author: string; CreatedDate: number; DisplayName?: string; DocumentFormat: string; DocumentType: string; DocumentVersion: string; Name: string; Owner: string; PlatformTypes: string[]; Requires: Requires[]; ReviewStatus?: string; SchemaVersion: string; Tags: Tag[]; TargetType?: string; VersionName?: string; };

export type DocumentUse = { DocumentVersion: string; Name: string; References: string[]; };

export type Effect = "Allow" | "Deny";

export type Empty = Record<string, unknown>;

export type Empty10 = Record<string, unknown>;

export type Empty11 = Record<string, unknown>;

export type Empty12 = Record<string, unknown>;

export type Empty13 = Record<string, unknown>;

export type Empty14 = Record<string, unknown>;

export type Empty15 = Record<string, unknown>;

export type Empty16 = Record<string, unknown>;

export type Empty17 = Record<string, unknown>;

export type Empty18 = Record<string, unknown>;

export type Empty19 = Record<string, unknown>;

export type Empty2 = Record<string, unknown>;

export type Empty20 = Record<string, unknown>;

export type Empty21 = Record<string, unknown>;

export type Empty22 = Record<string, unknown>;

export type Empty23 = Record<string, unknown>;

export type Empty24 = Record<string, unknown>;

export type Empty25 = Record<string, unknown>;

export type Empty26 = Record<string, unknown>;

export type Empty27 = Record<string, unknown>;

export type Empty28 = Record<string, unknown>;

export type Empty29 = Record<string, unknown>;

export type Empty3 = Record<string, unknown>;

export type Empty30 = Record<string, unknown>;

export type Empty31 = Record<string, unknown>;

export type Empty32 = Record<string, unknown>;

export type Empty33 = Record<string, unknown>;

export type Empty34 = Record<string, unknown>;

export type Empty35 = Record<string, unknown>;

export type Empty36 = Record<string, unknown>;

export type Empty37 = Record<string, unknown>;

export type Empty4 = Record<string, unknown>;

export type Empty5 = Record<string, unknown>;

export type Empty6 = Record<string, unknown>;

export type Empty7 = Record<string, unknown>;

export type Empty8 = Record<string, unknown>;

export type Empty9 = Record<string, unknown>;

export type Enrolment = { QrRows: string[]; Secret: string; Uri: string; };

export type ExplainAccessRequest = { Action?: string; RequestId?: string; Resource?: AccessSubject; UserName?: string; };

export type ExplainAccessResult = { Action: string; RecordedReason?: string; Resource: AccessSubject; Statements: ConsideredStatement[]; Verdict: AccessVerdict; };

export type FactorsView = { IsRequired: boolean; Passkeys: PasskeyView[]; PasskeysUnusable?: string; RecoveryCodesLeft: number; TotpSince?: number; };

export type FailedResource = { ErrorCode: string; ErrorMessage: string; ResourceArn: string; };

export type FailedTagChange = { Code: string; Message: string; ResourceId: string; ResourceType: string; };

export type FailureInfo = { ErrorCode: string; ErrorMessage: string; StatusCode: number; };

export type File = { Names: string[]; Problem?: string; SaidAt: number; Target: string; };

export type FileSink = { Name: string; Ship?: Ship; };

export type Filter = { FilterKey: string; FilterValues?: string[]; };

export type Filter2 = { key: string; value: string; };

export type Filter3 = { Key?: string; Values?: string[]; };

export type Filter4 = { Join?: Join; Terms: Term[]; };

export type FilterLogEventsRequest = { endTime?: number; filterPattern?: string; limit?: number; logGroupIdentifier?: string; logGroupName?: string; logStreamNamePrefix?: string; logStreamNames?: string[]; nextToken?: string; startTime?: number; };

export type FilterLogEventsResult = { events: FilteredLogEvent[]; nextToken?: string; searchedLogStreams: string[]; };

export type FilteredLogEvent = { eventId: string; ingestionTime: number; logStreamName: string; message: string; timestamp: number; };

export type Finding = { Expected: string; Found: string; Problem: Problem; Seq: number; Source: string; };

export type FinishOidcLoginRequest = { Code: string; Issuer?: string; State: string; };

export type FinishRequest = { Anyway?: boolean; };

export type FirstAdminRequest = { Password: string; Token: string; UserName: string; };

export type FoundLine = { Cut: boolean; Number: number; Step: number; StepName: string; Stream: StreamName; Text: string; };

export type FoundNode = { Incomplete: boolean; Lines: FoundLine[]; MatchingLines: number; Name: string; NodeId: string; OutputHash?: string; Status: string; StatusDetails: string; };

export type FreezeState = { At?: number; By?: string; Frozen: boolean; Reason?: string; };

export type GetAccountSettingsRequest = Record<string, unknown>;

export type GetComplianceSummaryRequest = { GroupBy?: string[]; MaxResults?: number; PaginationToken?: string; RegionFilters?: string[]; ResourceTypeFilters?: string[]; TagKeyFilters?: string[]; TargetIdFilters?: string[]; };

export type GetComplianceSummaryResult = { PaginationToken: string; SummaryList: ComplianceSummary[]; };

export type GetConnectionStatusRequest = { Target: string; };

export type GetConnectionStatusResponse = { Status: string; Target: string; };

export type GetFreezeRequest = Record<string, unknown>;

export type GetGroupConfigurationRequest = { Group?: string; };

export type GetGroupConfigurationResult = { GroupConfiguration: GroupConfiguration; };

export type GetGroupQueryRequest = { Group?: string; GroupName?: string; };

export type GetGroupTagsRequest = { Arn: string; };

export type GetLimitsRequest = { UserName?: string; };

export type GetLimitsResult = { Limits: Limits; };

export type GetLogEventsRequest = { endTime?: number; limit?: number; logGroupIdentifier?: string; logGroupName?: string; logStreamName?: string; nextToken?: string; startFromHead?: boolean; startTime?: number; };

export type GetLogEventsResult = { events: OutputLogEvent[]; nextBackwardToken: string; nextForwardToken: string; };

export type GetManyRequest = { Names?: string[]; WithDecryption?: boolean; };

export type GetManyResult = { InvalidParameters: string[]; Parameters: Parameter[]; };

export type GetNotificationChannelResult = { ChangedAt: number; ChangedBy: string; HasSecret: boolean; Name: string; Settings: NotificationChannelSettings; };

export type GetNotificationLogRequest = { Channel?: string; Filter?: Filter4; MaxResults?: number; NextToken?: string; State?: NotificationState; };

export type GetNotificationLogResult = { NextToken?: string; Notifications: NotificationView[]; };

export type GetObjectStoreResult = { ChangedAt: number; ChangedBy: string; Name: string; Settings: ObjectStoreSettings; };

export type GetRequest = { CommandId: string; InstanceId: string; PluginName?: string; };

export type GetRequest2 = { DocumentFormat?: string; DocumentVersion?: string; Name: string; VersionName?: string; };

export type GetRequest3 = { Name?: string; WithDecryption?: boolean; };

export type GetRequest4 = { CommandId: string; MaxBytes?: number; NodeId: string; Offset?: number; Step?: number; Stream: StreamName; };

export type GetResourcesRequest = { ExcludeCompliantResources?: boolean; IncludeComplianceDetails?: boolean; PaginationToken?: string; ResourceARNList?: string[]; ResourceTypeFilters?: string[]; ResourcesPerPage?: number; TagFilters?: TagFilter[]; TagsPerPage?: number; };

export type GetResourcesResult = { PaginationToken: string; ResourceTagMappingList: ResourceTagMapping[]; };

export type GetResult = { CloudWatchOutputConfig: unknown; CommandId: string; Comment: string; DocumentName: string; DocumentVersion: string; ExecutionElapsedTime: string; ExecutionEndDateTime: string; ExecutionStartDateTime: string; InstanceId: string; PluginName: string; ResponseCode: number; StandardErrorContent: string; StandardErrorUrl: string; StandardOutputContent: string; StandardOutputUrl: string; Status: string; StatusDetails: string; };

export type GetResult2 = { AttachmentsContent: AttachmentContent[]; Content: string; CreatedDate: number; DisplayName?: string; DocumentFormat: string; DocumentType: string; DocumentVersion: string; Name: string; Requires: Requires[]; ReviewStatus?: string; Status: string; VersionName?: string; };

export type GetResult3 = { Parameter: Parameter; };

export type GetResult4 = { Complete: boolean; Cut?: CutView; NextOffset: number; Source: Source2; StoredBytes: number; Text: string; };

export type GetTagKeysRequest = { PaginationToken?: string; };

export type GetTagKeysResult = { PaginationToken: string; TagKeys: string[]; };

export type GetTagValuesRequest = { Key: string; PaginationToken?: string; };

export type GetTagValuesResult = { PaginationToken: string; TagValues: string[]; };

export type GivenValue = string;

export type Group = { Count: number; ExitCode: number; NodeIds: string[]; OutputHash: string; StatusDetails: string; Stderr: string; Stdout: string; Steps: GroupStep[]; Truncated: boolean; };

export type GroupConfiguration = { Configuration: GroupConfigurationItem[]; Status: string; };

export type GroupConfigurationItem = { Parameters?: GroupConfigurationParameter[]; Type: string; };

export type GroupConfigurationParameter = { Name: string; Values?: string[]; };

export type GroupNameRequest = { GroupName: string; };

export type GroupQuery = { GroupName: string; ResourceQuery: ResourceQuery; };

export type GroupQueryResult = { GroupQuery: GroupQuery; };

export type GroupRequest = { CommandId: string; };

export type GroupResource = { Identifier: ResourceIdentifier; };

export type GroupResourcesRequest = { Group: string; ResourceArns: string[]; };

export type GroupResourcesResult = { Failed: FailedResource[]; Pending: PendingResource[]; Succeeded: string[]; };

export type GroupResult = { Group: GroupView; NodeIds: string[]; };

export type GroupResult2 = { GroupCount: number; Groups: Group[]; NodeCount: number; };

export type GroupRole = { Group: string; Role: string; };

export type GroupStep = { Message: string; Name: string; StatusDetails: string; Stderr: string; Stdout: string; Truncated: boolean; };

export type GroupTagsResult = { Arn: string; Tags: Record<string, string>; };

export type GroupView = { CreatedAt: number; Description: string; GroupName: string; NodeCount: number; Query?: string; Rule?: string; };

export type GroupingStatus = { Action: string; ResourceArn: string; Status: string; };

export type GroupingStatusFilter = { Name: string; Values: string[]; };

export type HeadResult = { Head?: SignedHead; HubKey: string; LastHash: string; LastSeq: number; };

export type Held = { GivenAt: number; LatestVersion?: number; Name: string; Version: number; };

export type HeldLimits = { Holder: string; HolderName: string; Limits: Limits; };

export type HistoryRequest = { MaxResults?: number; Name?: string; NextToken?: string; WithDecryption?: boolean; };

export type HistoryRequest2 = { DocumentVersion?: string; MaxResults?: number; Metadata: string; Name: string; NextToken?: string; };

export type HistoryResult = { NextToken?: string; Parameters: ParameterHistory[]; };

export type HistoryResult2 = { Author: string; DocumentVersion: string; Metadata: Metadata2; Name: string; NextToken?: string; };

export type HubKey = { Changes: number; Fingerprint: string; NodesWithIt: number; NodesWithoutIt: number; OldFingerprint?: string; };

export type HubView = { AccountId: string; Addresses: string[]; Architectures: string[]; BlobBytes: number; CaFingerprint: string; DatabaseBytes: number; HubKey: string; NodesOnline: number; NodesTotal: number; Region: string; StartedAt: number; Version: string; };

export type ImportPolicyRequest = { Description?: string; Document: unknown; DryRun?: boolean; PolicyName: string; };

export type ImportPolicyResult = { Document: PolicyDocument; Notes: UnsupportedElement[]; Stored: boolean; Unsupported: UnsupportedElement[]; };

export type InlinePolicy = { PolicyStatus: string; PolicyText: string; PolicyType: string; };

export type InstanceInformation = { ActivationId?: string; AgentVersion: string; ComputerName: string; IPAddress?: string; IamRole: string; InstanceId: string; IsLatestVersion?: boolean; LastPingDateTime?: number; Name: string; PingStatus: string; PlatformName: string; PlatformType: string; PlatformVersion: string; RegistrationDate: number; ResourceType: string; SourceId: string; SourceType: string; };

export type InstanceProperty = { ActivationId?: string; AgentVersion: string; Architecture: string; ComputerName: string; IPAddress?: string; IamRole: string; InstanceId: string; IsLatestVersion?: boolean; LastPingDateTime?: number; LaunchTime?: number; Name: string; PingStatus: string; PlatformName: string; PlatformType: string; PlatformVersion: string; RegistrationDate: number; ResourceType: string; SourceId: string; SourceType: string; };

export type InvocationSummary = { EndedAt?: number; ExitCode?: number; Message: string; Name: string; NodeId: string; OutputHash?: string; StartedAt?: number; Status: string; StatusDetails: string; StderrBytes: number; StdoutBytes: number; };

export type InvocationView = { CloudWatchOutputConfig: unknown; CommandId: string; CommandPlugins: PluginView[]; Comment: string; DocumentName: string; DocumentVersion: string; InstanceId: string; InstanceName: string; NotificationConfig: unknown; RequestedDateTime: number; ServiceRole: string; StandardErrorUrl: string; StandardOutputUrl: string; Status: string; StatusDetails: string; TraceOutput: string; };

export type Join = "and" | "or";

export type JoinRequest = { ActivationId: string; Address: string; ComputerName: string; DecidedAt?: number; DecidedBy?: string; KeyFingerprint: string; LastSeenAt: number; MachineId: string; NodeId?: string; Platform: string; RequestId: string; RequestedAt: number; State: State; };

export type KeyView = { AccessKeyId: string; CreatedAt: number; Description: string; ExpiresAt?: number; LastUsedAt?: number; LastUsedFrom?: string; LastUsedService?: string; Scope?: string[]; Status: string; UserName: string; };

export type Kind = "SecureString" | "String" | "StringList";

export type LabelRequest = { Labels?: string[]; Name?: string; ParameterVersion?: number; };

export type LabelResult = { InvalidLabels: string[]; ParameterVersion: number; };

export type LegacyFilter = { key: string; valueSet: string[]; };

export type LegacyFilter2 = { Key?: string; Values?: string[]; };

export type LimitHolder = "default" | "role" | "user";

export type Limits = { ApproveAbove?: number; ConfirmAbove?: number; MaxTargets?: number; };

export type LinkOidcUserRequest = { Subject: string; UserName: string; };

export type LintRequest = { Content: string; DocumentFormat?: string; DocumentType?: string; };

export type LintResult = { Problems: ProblemView[]; };

export type ListApprovalsRequest = { CommandId?: string; Filter?: Filter4; MaxResults?: number; NextToken?: string; OnlyOpen?: boolean; };

export type ListApprovalsResult = { Approvals: ApprovalView[]; NextToken?: string; };

export type ListGroupResourcesRequest = { Filters?: ResourceFilter[]; Group?: string; GroupName?: string; MaxResults?: number; NextToken?: string; };

export type ListGroupResourcesResult = { NextToken?: string; QueryErrors: QueryError[]; ResourceIdentifiers: ResourceIdentifier[]; Resources: GroupResource[]; };

export type ListGroupingStatusesRequest = { Filters?: GroupingStatusFilter[]; Group: string; MaxResults?: number; NextToken?: string; };

export type ListGroupingStatusesResult = { Group: string; GroupingStatuses: GroupingStatus[]; NextToken?: string; };

export type ListGroupsRequest = { MaxResults?: number; NextToken?: string; };

export type ListGroupsResult = { Groups: GroupView[]; NextToken?: string; };

export type ListLimitsRequest = { Filter?: Filter4; };

export type ListLimitsResult = { Limits: HeldLimits[]; };

export type ListNotificationChannelsRequest = { Filter?: Filter4; };

export type ListNotificationChannelsResult = { Channels: NotificationChannelSummary[]; };

export type ListObjectStoresRequest = Record<string, unknown>;

export type ListObjectStoresResult = { Stores: ObjectStoreSummary[]; };

export type ListOutputUploadsRequest = { CommandId?: string; MaxResults?: number; NextToken?: string; NodeId?: string; State?: OutputUploadState; };

export type ListOutputUploadsResult = { NextToken?: string; Uploads: OutputUpload[]; };

export type ListPoliciesRequest = { MaxResults?: number; NextToken?: string; };

export type ListPoliciesResult = { NextToken?: string; Policies: PolicyView[]; };

export type ListRequest = { CommandId?: string; Details?: boolean; Filters?: Filter2[]; InstanceId?: string; MaxResults?: number; NextToken?: string; };

export type ListRequest10 = Record<string, unknown>;

export type ListRequest2 = { CommandId?: string; Filters?: Filter2[]; InstanceId?: string; MaxResults?: number; NextToken?: string; };

export type ListRequest3 = { DocumentFilterList?: OldFilter[]; Filters?: Filter3[]; MaxResults?: number; NextToken?: string; };

export type ListRequest4 = { ResourceId?: string; ResourceType?: string; };

export type ListRequest5 = { Filter?: Filter4; MaxResults?: number; NextToken?: string; OldestFirst?: boolean; };

export type ListRequest6 = { MaxResults?: number; NextToken?: string; State?: State; };

export type ListRequest7 = { UserName?: string; };

export type ListRequest8 = Record<string, unknown>;

export type ListRequest9 = { Name: string; };

export type ListRequiredTagsRequest = { MaxResults?: number; NextToken?: string; };

export type ListRequiredTagsResult = { NextToken?: string; RequiredTags: RequiredTag[]; };

export type ListResourceGroupsRequest = { Filters?: ResourceGroupFilter[]; maxResults?: string; nextToken?: string; };

export type ListResourceGroupsResult = { GroupIdentifiers: ResourceGroupIdentifier[]; Groups: ResourceGroup[]; NextToken?: string; };

export type ListResult = { CommandInvocations: InvocationView[]; NextToken?: string; };

export type ListResult10 = { DocumentCount: number; Documents: DocumentUse[]; };

export type ListResult11 = { Keys: SecretKey[]; };

export type ListResult2 = { Commands: CommandView[]; NextToken?: string; };

export type ListResult3 = { DocumentIdentifiers: DocumentIdentifier[]; NextToken: string; };

export type ListResult4 = { TagList: Tag[]; };

export type ListResult5 = { AccessKeys: KeyView[]; };

export type ListResult6 = { Events: AuditEvent[]; NextToken?: string; };

export type ListResult7 = { JoinRequests: JoinRequest[]; NextToken?: string; };

export type ListResult8 = { LoginSessions: SessionView[]; };

export type ListResult9 = { Rules: AccessRule[]; };

export type ListRolesRequest = { MaxResults?: number; NextToken?: string; };

export type ListRolesResult = { NextToken?: string; Roles: RoleView[]; };

export type ListTagRulesRequest = Record<string, unknown>;

export type ListTagRulesResult = { Rules: TagRule[]; };

export type ListTagSyncTasksRequest = { MaxResults?: number; NextToken?: string; };

export type ListTagSyncTasksResult = { TagSyncTasks: Empty36[]; };

export type ListUsersRequest = { MaxResults?: number; NextToken?: string; };

export type ListUsersResult = { NextToken?: string; Users: UserView[]; };

export type LogGroup = { arn: string; creationTime: number; logGroupArn: string; logGroupClass: string; logGroupName: string; metricFilterCount: number; retentionInDays: number; storedBytes: number; };

export type LogStream = { arn: string; creationTime: number; firstEventTimestamp: number; lastEventTimestamp: number; lastIngestionTime: number; logStreamName: string; storedBytes: number; };

export type LoggedIn = { CsrfToken?: string; Next: string; Ticket?: string; UserName: string; };

export type LoginRequest = { Password: string; UserName: string; };

export type MailChannel = { From: string; Host: string; Port: number; Security?: Security; To: string[]; User?: string; };

export type Metadata = { Key?: string; Value?: string; };

export type Metadata2 = { ReviewerResponse: Response[]; };

export type ModifyRequest = { AccountIdsToAdd?: string[]; AccountIdsToRemove?: string[]; Name: string; PermissionType: string; SharedDocumentVersion?: string; };

export type NamedRequest = { KeyId: string; };

export type NamedResource = { ResourceId: string; ResourceType: string; };

export type NodeCounts = { ByPlatform: PlatformCount[]; Offline: number; Online: number; Total: number; };

export type NodeDetail = { ActivationId?: string; Addresses: string[]; AgentVersion: string; Architecture: string; BootId: string; BootedAt?: number; ClockAheadMs?: number; ComputerName: string; ConnectedAt?: number; CpuCount: number; JoinedAt: number; Kernel: string; LastSeenAt?: number; Lock: string[]; LostWithoutRoot: string[]; MachineId: string; MemoryBytes: number; Name: string; NodeId: string; NodeLock?: NodeLock; OfflineReason?: OfflineReason; OfflineSentence?: string; Platform: string; PlatformId: string; PlatformVersion: string; Quarantine: System[]; RunsAs: string; Status: NodeStatus; Tags: Tag[]; Warnings: string[]; };

export type NodeLock = { AllowedDocuments?: string[]; Files: string[]; MonitorOnly: boolean; NoRoot: boolean; NoShell: boolean; NoUpdate: boolean; OperatorClasses: string[]; OperatorKeys: string[]; Trouble?: string; };

export type NodeParameters = { Files: File[]; Parameters: Held[]; Rules: AccessRule[]; };

export type NodeScope = { Actions?: string[]; Groups?: string[]; Tags?: TagSelector[]; };

export type NodeStatus = "Offline" | "Online";

export type NodeSummary = { Addresses: string[]; AgentVersion: string; Architecture: string; BootedAt?: number; JoinedAt: number; LastSeenAt?: number; Lock: string[]; Name: string; NodeId: string; OfflineReason?: OfflineReason; Platform: string; PlatformVersion: string; Status: NodeStatus; Tags: Tag[]; Warnings: string[]; };

export type NodeUse = { Files: string[]; GivenAt: number; NodeId: string; NodeName: string; Version: number; };

export type Nodes = { All?: boolean; NodeIds?: string[]; Tags?: Tag[]; };

export type NotificationChannelDone = Record<string, unknown>;

export type NotificationChannelRequest = { Name: string; };

export type NotificationChannelSettings = { AllowedNetworks?: Allowed; CaPem?: string; Mail?: MailChannel; Ntfy?: NtfyChannel; Webhook?: WebhookChannel; };

export type NotificationChannelSummary = { FailedCount: number; Kind: string; Name: string; WaitingCount: number; };

export type NotificationConfig = { NotificationArn?: string; NotificationEvents?: string[]; NotificationType?: string; };

export type NotificationState = "Delivered" | "Waiting" | "Failed";

export type NotificationView = { Attempts: number; Channel: string; EndedAt?: number; Id: number; LastError: string; NextAttemptAt?: number; QueuedAt: number; State: NotificationState; Subject: string; Text: string; };

export type NtfyChannel = { Topic: string; Url: string; };

export type ObjectStoreDone = Record<string, unknown>;

export type ObjectStorePurpose = "download" | "output";

export type ObjectStoreRequest = { Name: string; };

export type ObjectStoreSettings = { AccessKeyId: string; Addressing?: Addressing; AllowedNetworks?: Allowed; CaPem?: string; DownloadPlaces?: string[]; Endpoint: string; OutputPlaces?: string[]; Region?: string; };

export type ObjectStoreSummary = { DownloadPlaces: string[]; Endpoint: string; Name: string; OutputPlaces: string[]; Region: string; };

export type OfflineNode = { LastSeenAt?: number; Name: string; NodeId: string; OfflineReason?: OfflineReason; };

export type OfflineNodes = "Fail" | "Skip" | "Wait";

export type OfflineReason = "CleanStop" | "ConnectionLost" | "HeartbeatLost" | "HubRestarted" | "NeverConnected" | "Updating";

export type OidcResult = { HasClientSecret: boolean; RedirectUri: string; Settings?: OidcSettings; };

export type OidcSettings = { AllowedNetworks?: Allowed; CaPem?: string; ClientId: string; CreatesUsers?: boolean; GroupsClaim?: string; IsSecondFactor?: boolean; Issuer: string; Label?: string; Roles?: GroupRole[]; Scopes?: string[]; UserClaim?: string; };

export type OldFilter = { key: string; value: string; };

export type Op = "contains" | "eq" | "ge" | "le" | "ncontains" | "ne" | "prefix";

export type OutputLogEvent = { ingestionTime: number; message: string; timestamp: number; };

export type OutputUpload = { Attempts: number; Bucket: string; CommandId: string; EndedAt?: number; KeyPrefix: string; LastError: string; NextAttemptAt?: number; NodeId: string; QueuedAt: number; State: OutputUploadState; Store?: string; };

export type OutputUploadState = "Failed" | "Uploaded" | "Waiting";

export type Overview = { Activations: ActivationCounts; Commands: CommandCounts; Nodes: NodeCounts; Sessions: SessionCounts; };

export type Parameter = { ARN: string; DataType: string; LastModifiedDate: number; Name: string; Selector?: string; Type: Kind; Value: ShownValue; Version: number; };

export type ParameterHistory = { AllowedPattern: string; DataType: string; Description: string; KeyId?: string; Labels: string[]; LastModifiedDate: number; LastModifiedUser: string; Name: string; Policies: InlinePolicy[]; Tier: Tier; Type: Kind; Value: ShownValue; Version: number; };

export type ParameterMetadata = { ARN: string; AllowedPattern: string; DataType: string; Description: string; KeyId?: string; LastModifiedDate: number; LastModifiedUser: string; Name: string; Policies: InlinePolicy[]; Tier: Tier; Type: Kind; Version: number; };

export type ParameterView = { DefaultValue?: string; Description?: string; Name: string; Type: string; };

export type PasskeyProof = { AuthenticatorData: string; Challenge: string; ClientData: string; PasskeyId: string; Signature: string; };

export type PasskeyView = { CreatedAt: number; LastUsedAt?: number; Name: string; PasskeyId: string; RpId: string; };

export type PendingResource = { ResourceArn: string; };

export type PlatformCount = { Count: number; Name: string; };

export type PluginView = { Name: string; Output: string; OutputS3BucketName: string; OutputS3KeyPrefix: string; OutputS3Region: string; ResponseCode: number; ResponseFinishDateTime?: number; ResponseStartDateTime?: number; StandardErrorUrl: string; StandardOutputUrl: string; Status: string; StatusDetails: string; };

export type PolicyCondition = { Key: string; Operator: PolicyOperator; Values: string[]; };

export type PolicyDocument = { Statements: PolicyStatement[]; };

export type PolicyHolder = { Kind: string; Name: string; };

export type PolicyNameRequest = { PolicyName: string; };

export type PolicyOperator = "Equals" | "Like" | "NotLike" | "NotEquals";

export type PolicyResource = { Groups?: string[]; Ids?: string[]; Kind: string; Own?: boolean; Tags?: TagSelector[]; };

export type PolicyResult = { Cedar: string; Document: PolicyDocument; Notes: UnsupportedElement[]; Policy: PolicyView; };

export type PolicyStatement = { Actions?: string[]; Conditions?: PolicyCondition[]; Effect: Effect; NotActions?: string[]; Resources: PolicyResource[]; Sid?: string; };

export type PolicyView = { AttachedTo: PolicyHolder[]; CreatedAt: number; Description: string; PolicyName: string; UpdatedAt: number; UpdatedBy: string; };

export type Problem = "Changed" | "ForgedHead" | "Missing" | "Rewritten" | "Truncated" | "Unreadable" | "Unsigned";

export type ProblemView = { Column: number; Line: number; Message: string; Path: string; Severity: Severity; };

export type Progress = { Command: WholeCommandView; States: StateCount[]; Steps: CommandStep[]; };

export type Protocol = "tcp" | "tls" | "udp";

export type PutGroupConfigurationRequest = { Configuration?: GroupConfigurationItem[]; Group?: string; };

export type PutLimitsRequest = { Holder: LimitHolder; HolderName?: string; Limits: Limits; };

export type PutNotificationChannelRequest = { Name: string; Secret?: string; Settings: NotificationChannelSettings; };

export type PutObjectStoreRequest = { Name: string; SecretAccessKey?: string; Settings: ObjectStoreSettings; };

export type PutOidcRequest = { ClientSecret?: string; Settings: OidcSettings; };

export type PutParameterRequest = { AllowedPattern?: string; DataType?: string; Description?: string; KeyId?: string; Name?: string; Overwrite?: boolean; Policies?: string; Tags?: Tag[]; Tier?: string; Type?: string; Value?: GivenValue; };

export type PutParameterResult = { Tier: Tier; Version: number; };

export type PutPolicyRequest = { Description?: string; Document: PolicyDocument; PolicyName: string; };

export type PutRequest = { Name?: string; Nodes?: Nodes; Path?: string; WithDecryption?: boolean; };

export type PutRetentionRequest = { KeepDays?: number; };

export type PutRuleRequest = { RequireRecoveryCodes?: boolean; RequireSecondFactor?: boolean; Role: string; StepUpForRoot?: boolean; StepUpForShell?: boolean; };

export type PutShippingRequest = { Settings: AuditShippingSettings; WebhookSecret?: string; };

export type PutTagRuleRequest = { AllowedValues?: string[]; IsRequired?: boolean; Key: string; ResourceTypes?: string[]; };

export type QueryError = { ErrorCode: string; Message: string; };

export type RecoverRequest = { UserName: string; };

export type RecoverResult = { Password: string; UserName: string; };

export type RecoveryCodes = { Login?: LoggedIn; RecoveryCodes: string[]; };

export type RejectRequest = { Filter?: Filter4; RequestIds?: string[]; };

export type ReleaseRequest = { NodeId: string; };

export type RemoveRequest = { ResourceId?: string; ResourceType?: string; TagKeys?: string[]; };

export type RemoveRequest2 = { PasskeyId: string; };

export type RenameRequest = { Name: string; NodeId: string; };

export type RenewRequest = { NodeId: string; Which?: Which; };

export type RequiredTag = { ReportingTagKeys: string[]; ResourceType: string; };

export type Requires = { Name: string; RequireType?: string; Version?: string; VersionName?: string; };

export type RerunRequest = { CommandId: string; ConfirmedTargets?: number; Scope: Scope; };

export type RerunResult = { AwaitsApproval: boolean; CommandId: string; };

export type ResetRequest = { Password?: string; UserName: string; };

export type ResetResult = { Password?: string; };

export type ResolveRequest = { Filter?: Filter4; InstanceIds?: string[]; Targets?: Target[]; TimeoutSeconds?: number; WithIds?: boolean; };

export type ResolveResult = { NodeIds?: string[]; Offline: number; OfflineNodes: OfflineNode[]; Online: number; Sample: NodeSummary[]; Total: number; WaitEndsAt: number; };

export type ResourceFilter = { Name: string; Values: string[]; };

export type ResourceGroup = { Criticality?: number; Description: string; DisplayName?: string; GroupArn: string; Name: string; Owner?: string; };

export type ResourceGroupFilter = { Name: string; Values: string[]; };

export type ResourceGroupIdentifier = { Criticality?: number; Description: string; DisplayName?: string; GroupArn: string; GroupName: string; Owner?: string; };

export type ResourceGroupRequest = { Group?: string; GroupName?: string; };

export type ResourceGroupResult = { Group: ResourceGroup; };

export type ResourceIdentifier = { ResourceArn: string; ResourceType: string; };

export type ResourceQuery = { Query: string; Type: string; };

export type ResourceTagMapping = { ComplianceDetails?: ComplianceDetails; ResourceARN: string; Tags: Tag[]; };

export type Response = { Comment: Comment[]; CreateTime: number; ReviewStatus: string; Reviewer: string; UpdatedTime: number; };

export type Responsibility = { Area: string; NodeOwner: string; Operator: string; Roadstead: string; Title: string; };

export type ResumeSessionRequest = { SessionId: string; };

export type ResumeSessionResponse = { SessionId: string; StreamUrl: string; TokenValue: string; };

export type RetentionResult = { Folder: string; KeepDays?: number; Segments: SegmentView[]; };

export type RetryNotificationRequest = { Id: number; };

export type RetryNotificationResult = Record<string, unknown>;

export type RetryOutputUploadRequest = { CommandId: string; NodeId: string; };

export type RetryOutputUploadResult = Record<string, unknown>;

export type ReviewInformation = { ReviewedTime: number; Reviewer: string; Status: string; };

export type Reviews = { Action: string; Comment?: Comment[]; };

export type RevokeAllRequest = { UserName?: string; };

export type RevokeAllResult = { Revoked: number; };

export type RevokeRequest = { LoginSessionId: string; };

export type RoleResult = { Role: RoleView; };

export type RoleView = { BuiltIn: boolean; CreatedAt?: number; Description: string; Document?: PolicyDocument; Policies: string[]; RoleName: string; Users: number; };

export type RotateResult = { PendingCount: number; };

export type RuleView = { RequireRecoveryCodes: boolean; RequireSecondFactor: boolean; Role: string; StepUpForRoot: boolean; StepUpForShell: boolean; };

export type RulesResult = { LoginRules: RuleView[]; };

export type RunSettings = { CpuPercent?: number; Directory?: string; Environment?: Record<string, string>; MemoryMiB?: number; Nice?: number; User?: string; };

export type Scope = "all" | "failed";

export type SearchByQueryRequest = { MaxResults?: number; NextToken?: string; ResourceQuery: ResourceQuery; };

export type SearchByQueryResult = { NextToken?: string; QueryErrors: QueryError[]; ResourceIdentifiers: ResourceIdentifier[]; };

export type SearchOutputsRequest = { CommandId: string; IgnoreCase?: boolean; MaxResults?: number; NextToken?: string; Regex?: boolean; Status?: string[]; Stream?: StreamName; Text: string; WithoutMatch?: boolean; };

export type SearchOutputsResult = { NextToken?: string; Nodes: FoundNode[]; NodesMatched: number; NodesOpen: number; NodesSearched: number; Whole: boolean; };

export type SearchRequest = { CommandId: string; MaxResults?: number; NextToken?: string; Status?: string[]; };

export type SearchRequest2 = { Filter?: Filter4; MaxResults?: number; NextToken?: string; Sort?: Sort; };

export type SearchResourcesRequest = { Filter?: Filter4; MaxResults?: number; NextToken?: string; Resources?: NamedResource[]; };

export type SearchResourcesResult = { NextToken?: string; Resources: TaggedResource[]; Total: number; };

export type SearchResult = { Invocations: InvocationSummary[]; NextToken?: string; };

export type SearchResult2 = { NextToken?: string; Nodes: NodeSummary[]; Total: number; };

export type SecretKey = { ARN: string; Alias: string; CreatedAt: number; CreatedBy: string; Description: string; KeyId: string; PendingCount: number; RotatedAt: number; Status: string; ValueCount: number; };

export type Security = "none" | "starttls" | "tls";

export type SegmentView = { ArchivedAt: number; File: string; FirstSeq: number; LastSeq: number; Sha256: string; };

export type SendRequest = { AlarmConfiguration?: AlarmConfiguration; Canary?: string; CloudWatchOutputConfig?: unknown; Comment?: string; ConfirmedTargets?: number; DocumentHash?: string; DocumentHashType?: string; DocumentName: string; DocumentVersion?: string; InstanceIds?: string[]; MaxConcurrency?: string; MaxErrors?: string; NotificationConfig?: NotificationConfig; OfflineNodes?: OfflineNodes; OperatorApproval?: Approval; OutputS3BucketName?: string; OutputS3KeyPrefix?: string; OutputS3Region?: string; Parameters?: Record<string, string[]>; RunSettings?: RunSettings; ServiceRoleArn?: string; Targets?: Target[]; TimeoutSeconds?: number; };

export type SendResult = { AwaitsApproval: boolean; Command: CommandView; };

export type Session = { AccessType: string; Details: string; DocumentName: string; EndDate?: number; MaxSessionDuration?: string; Owner: string; Reason: string; SessionId: string; StartDate: number; Status: string; Target: string; };

export type SessionCounts = { Active: number; };

export type SessionFilter = { key: string; value: string; };

export type SessionTokenRequest = { DurationSeconds?: number; SerialNumber?: string; TokenCode?: string; };

export type SessionTokenResult = { Credentials: Credentials; };

export type SessionView = { Address: string; Agent: string; CreatedAt: number; ExpiresAt: number; IsCurrent: boolean; LastSeenAt: number; LoginSessionId: string; Method: string; UserName: string; };

export type SetFreezeRequest = { Frozen: boolean; Reason?: string; };

export type SetupState = { HubName: string; NeedsAdmin: boolean; Passkeys: boolean; SingleSignOn?: string; Version: string; };

export type Severity = "error" | "warning";

export type SharingInfo = { AccountId: string; SharedDocumentVersion: string; };

export type Ship = "heads" | "rows";

export type ShippingResult = { Deliveries: DeliveryView[]; Settings: AuditShippingSettings; WebhookHasSecret: boolean; };

export type ShownValue = string;

export type SignedHead = { At: number; Hash: string; Key: string; Seq: number; Signature: string; };

export type SimulateAccessRequest = { Action: string; MaxResults?: number; NextToken?: string; OnlyAllowed?: boolean; Resource: AccessSubject; };

export type SimulateAccessResult = { NextToken?: string; Users: AccessVerdict[]; };

export type Sink = "file" | "syslog" | "webhook";

export type Sort = { Descending?: boolean; Key: string; };

export type Source = { Key?: string; Name?: string; Values?: string[]; };

export type Source2 = "live" | "stored";

export type StartReportCreationRequest = { S3Bucket: string; };

export type StartSessionRequest = { DocumentName?: string; OperatorApproval?: Approval; Parameters?: Record<string, string[]>; Reason?: string; Target: string; };

export type StartSessionResponse = { SessionId: string; StreamUrl: string; TokenValue: string; };

export type StartTagSyncTaskRequest = { Group: string; RoleArn: string; };

export type State = "Approved" | "Pending" | "Rejected";

export type StateCount = { Count: number; StatusDetails: string; };

export type StepUpRequest = { Code?: string; Passkey?: PasskeyProof; Password?: string; };

export type SteppedUp = { SteppedUpUntil: number; };

export type StreamName = "stderr" | "stdout";

export type StringFilter = { Key: string; Operator?: string; Values: string[]; };

export type StringFilter2 = { Key?: string; Option?: string; Values?: string[]; };

export type SuggestRequest = { Collection: string; Key: string; Prefix?: string; };

export type SuggestResult = { Values: string[]; };

export type SuggestTagsRequest = { Key?: string; Prefix?: string; };

export type SuggestTagsResult = { Values: string[]; };

export type SyslogSink = { CaPem?: string; Host: string; Port: number; Protocol: Protocol; Ship?: Ship; };

export type System = { Address: string; BootId: string; FirstSeenAt: number; IsLeaving: boolean; LastSeenAt: number; MachineId: string; WasConnected: boolean; };

export type Table = { Responsibilities: Responsibility[]; };

export type Tag = { Key: string; Value: string; };

export type TagChange = { Remove?: string[]; ResourceId: string; ResourceType: string; Set?: Tag[]; };

export type TagFilter = { Key?: string; Values?: string[]; };

export type TagGroupRequest = { Arn: string; Tags: Record<string, string>; };

export type TagResourcesRequest = { ResourceARNList: string[]; Tags: Record<string, string>; };

export type TagResourcesResult = { FailedResourcesMap: Record<string, FailureInfo>; };

export type TagRule = { AllowedValues: string[]; IsRequired: boolean; Key: string; ResourceType: string; };

export type TagSelector = { Key: string; Values?: string[]; };

export type TagSyncTaskRequest = { TaskArn: string; };

export type TaggedResource = { MissingKeys: string[]; Name: string; ResourceARN: string; ResourceId: string; ResourceType: string; Tags: Tag[]; WrongKeys: string[]; };

export type Target = { Key: string; Values?: string[]; };

export type Term = { Key: string; Op: Op; Value: string; };

export type TerminateSessionRequest = { SessionId: string; };

export type TerminateSessionResponse = { SessionId: string; };

export type TestNotificationChannelResult = { Notification: NotificationView; };

export type TestObjectStoreRequest = { Name: string; Place?: string; };

export type TestObjectStoreResult = { Places: TriedObjectStorePlace[]; };

export type Tier = "Advanced" | "Standard";

export type TriedObjectStorePlace = { Error?: string; Place: string; Purpose: ObjectStorePurpose; };

export type UnlabelResult = { InvalidLabels: string[]; RemovedLabels: string[]; };

export type UnlinkOidcUserRequest = { UserName: string; };

export type UnsupportedElement = { Place: string; Problem: string; };

export type UntagGroupRequest = { Arn: string; Keys: string[]; };

export type UntagGroupResult = { Arn: string; Keys: string[]; };

export type UntagResourcesRequest = { ResourceARNList: string[]; TagKeys: string[]; };

export type UpdateAccountSettingsRequest = { GroupLifecycleEventsDesiredStatus?: string; };

export type UpdateGroupQueryRequest = { Group?: string; GroupName?: string; ResourceQuery: ResourceQuery; };

export type UpdateGroupRequest = { Description?: string; GroupName: string; NodeIds?: string[]; Rule?: string; };

export type UpdateRequest = { Attachments?: Source[]; Content: string; DisplayName?: string; DocumentFormat?: string; DocumentVersion?: string; Name: string; TargetType?: string; VersionName?: string; };

export type UpdateRequest2 = { DocumentReviews: Reviews; DocumentVersion?: string; Name: string; };

export type UpdateRequest3 = { IamRole: string; InstanceId: string; };

export type UpdateRequest4 = { AccessKeyId: string; Status: string; };

export type UpdateResourceGroupRequest = { Criticality?: number; Description?: string; DisplayName?: string; Group?: string; GroupName?: string; Owner?: string; };

export type UpdateRoleRequest = { Description?: string; Policies?: string[]; RoleName: string; };

export type UpdateUserRequest = { Description?: string; Roles?: string[]; Scope?: NodeScope; Status?: UserStatus; UserName: string; };

export type UserResult = { User: UserView; };

export type UserStatus = "Active" | "Disabled";

export type UserView = { AccessKeys: number; CreatedAt: number; Description: string; HasPassword: boolean; OidcSubject?: string; PasswordChangedAt?: number; Policies: string[]; Roles: string[]; Scope: NodeScope; Status: UserStatus; UserName: string; };

export type UsesRequest = { Name: string; };

export type UsesResult = { NodeCount: number; Nodes: NodeUse[]; };

export type VerifyRequest = { Against?: SignedHead[]; FromSeq?: number; MaxRows?: number; };

export type VerifyResult = { FindingCount: number; Findings: Finding[]; FirstSeq: number; Heads: number; Healthy: boolean; LastHash: string; LastSeq: number; NextSeq?: number; Rows: number; };

export type VersionInfo = { CreatedDate: number; DisplayName?: string; DocumentFormat: string; DocumentVersion: string; IsDefaultVersion: boolean; Name: string; ReviewStatus?: string; Status: string; VersionName?: string; };

export type VersionsRequest = { MaxResults?: number; Name: string; NextToken?: string; };

export type VersionsResult = { DocumentVersions: VersionInfo[]; NextToken?: string; };

export type WebhookChannel = { Url: string; };

export type WebhookSink = { CaPem?: string; Ship?: Ship; Url: string; };

export type Which = "Connected" | "Refused";

export type WholeCommandView = { AlarmConfiguration: unknown; Canary?: string; CloudWatchOutputConfig: unknown; CommandId: string; Comment: string; CompletedCount: number; DeliveryTimedOutCount: number; DocumentName: string; DocumentVersion: string; ErrorCount: number; ExpiresAfter: number; HeldCount: number; InstanceIds: string[]; LogGroup?: string; MaxConcurrency: string; MaxErrors: string; NotificationConfig: unknown; OfflineNodes: OfflineNodes; OutputS3BucketName: string; OutputS3KeyPrefix: string; OutputS3Region: string; Parameters: Record<string, string[]>; RequestedBy: string; RequestedDateTime: number; RerunOf?: string; RunSettings: RunSettings; ServiceRole: string; Status: string; StatusDetails: string; TargetCount: number; Targets: Target[]; TimeoutSeconds: number; TriggeredAlarms: unknown[]; };

export interface Operations {
  "AmazonSSM.AddTagsToResource": { request: AddRequest; result: Empty };
  "AmazonSSM.CancelCommand": { request: CancelRequest; result: CancelResult };
  "AmazonSSM.CreateActivation": { request: CreateRequest; result: CreateResult };
  "AmazonSSM.CreateDocument": { request: CreateRequest2; result: DescriptionResult };
  "AmazonSSM.DeleteActivation": { request: DeleteRequest; result: Empty2 };
  "AmazonSSM.DeleteDocument": { request: DeleteRequest2; result: Empty3 };
  "AmazonSSM.DeleteParameter": { request: DeleteRequest3; result: DeleteResult };
  "AmazonSSM.DeleteParameters": { request: DeleteManyRequest; result: DeleteManyResult };
  "AmazonSSM.DeregisterManagedInstance": { request: DeregisterRequest; result: Empty4 };
  "AmazonSSM.DescribeActivations": { request: DescribeRequest; result: DescribeResult };
  "AmazonSSM.DescribeDocument": { request: DescribeRequest2; result: DescribeResult2 };
  "AmazonSSM.DescribeDocumentPermission": { request: DescribeRequest3; result: DescribeResult3 };
  "AmazonSSM.DescribeInstanceInformation": { request: DescribeInformationRequest; result: DescribeInformationResult };
  "AmazonSSM.DescribeInstanceProperties": { request: DescribePropertiesRequest; result: DescribePropertiesResult };
  "AmazonSSM.DescribeParameters": { request: DescribeRequest4; result: DescribeResult4 };
  "AmazonSSM.DescribeSessions": { request: DescribeSessionsRequest; result: DescribeSessionsResponse };
  "AmazonSSM.GetCommandInvocation": { request: GetRequest; result: GetResult };
  "AmazonSSM.GetConnectionStatus": { request: GetConnectionStatusRequest; result: GetConnectionStatusResponse };
  "AmazonSSM.GetDocument": { request: GetRequest2; result: GetResult2 };
  "AmazonSSM.GetParameter": { request: GetRequest3; result: GetResult3 };
  "AmazonSSM.GetParameterHistory": { request: HistoryRequest; result: HistoryResult };
  "AmazonSSM.GetParameters": { request: GetManyRequest; result: GetManyResult };
  "AmazonSSM.GetParametersByPath": { request: ByPathRequest; result: ByPathResult };
  "AmazonSSM.LabelParameterVersion": { request: LabelRequest; result: LabelResult };
  "AmazonSSM.ListCommandInvocations": { request: ListRequest; result: ListResult };
  "AmazonSSM.ListCommands": { request: ListRequest2; result: ListResult2 };
  "AmazonSSM.ListDocumentMetadataHistory": { request: HistoryRequest2; result: HistoryResult2 };
  "AmazonSSM.ListDocumentVersions": { request: VersionsRequest; result: VersionsResult };
  "AmazonSSM.ListDocuments": { request: ListRequest3; result: ListResult3 };
  "AmazonSSM.ListTagsForResource": { request: ListRequest4; result: ListResult4 };
  "AmazonSSM.ModifyDocumentPermission": { request: ModifyRequest; result: Empty5 };
  "AmazonSSM.PutParameter": { request: PutParameterRequest; result: PutParameterResult };
  "AmazonSSM.RemoveTagsFromResource": { request: RemoveRequest; result: Empty };
  "AmazonSSM.ResumeSession": { request: ResumeSessionRequest; result: ResumeSessionResponse };
  "AmazonSSM.SendCommand": { request: SendRequest; result: SendResult };
  "AmazonSSM.StartSession": { request: StartSessionRequest; result: StartSessionResponse };
  "AmazonSSM.TerminateSession": { request: TerminateSessionRequest; result: TerminateSessionResponse };
  "AmazonSSM.UnlabelParameterVersion": { request: LabelRequest; result: UnlabelResult };
  "AmazonSSM.UpdateDocument": { request: UpdateRequest; result: DescriptionResult };
  "AmazonSSM.UpdateDocumentDefaultVersion": { request: DefaultRequest; result: DefaultResult };
  "AmazonSSM.UpdateDocumentMetadata": { request: UpdateRequest2; result: Empty6 };
  "AmazonSSM.UpdateManagedInstanceRole": { request: UpdateRequest3; result: Empty7 };
  "Roadstead.ApproveCommand": { request: DecideCommandRequest; result: DecideCommandResult };
  "Roadstead.ApproveJoin": { request: ApproveRequest; result: DecisionResult };
  "Roadstead.AttachPolicy": { request: AttachPolicyRequest; result: Empty8 };
  "Roadstead.BeginOidcLogin": { request: Empty9; result: BeginOidcResult };
  "Roadstead.BeginPasskey": { request: Empty10; result: BeginResult };
  "Roadstead.BeginPasskeyLogin": { request: Empty10; result: BeginLoginResult };
  "Roadstead.BeginTotp": { request: Empty11; result: Enrolment };
  "Roadstead.ChangePassword": { request: ChangeRequest; result: LoggedIn };
  "Roadstead.ChangeTags": { request: ChangeTagsRequest; result: ChangeTagsResult };
  "Roadstead.ClearFactors": { request: ClearRequest; result: Empty11 };
  "Roadstead.ConfirmPasskey": { request: ConfirmRequest; result: Confirmed };
  "Roadstead.ConfirmTotp": { request: ConfirmRequest2; result: Confirmed };
  "Roadstead.ContinueLogin": { request: ContinueRequest; result: LoggedIn };
  "Roadstead.CreateAccessKey": { request: CreateRequest3; result: CreateResult2 };
  "Roadstead.CreateFirstAdmin": { request: FirstAdminRequest; result: LoggedIn };
  "Roadstead.CreateGroup": { request: CreateGroupRequest; result: GroupResult };
  "Roadstead.CreateJoinLine": { request: CreateRequest4; result: CreateResult3 };
  "Roadstead.CreateRole": { request: CreateRoleRequest; result: RoleResult };
  "Roadstead.CreateSecretKey": { request: CreateRequest5; result: CreateResult4 };
  "Roadstead.CreateUser": { request: CreateUserRequest; result: UserResult };
  "Roadstead.DeleteAccessKey": { request: DeleteRequest4; result: Empty12 };
  "Roadstead.DeleteGroup": { request: GroupNameRequest; result: Empty13 };
  "Roadstead.DeleteNodeParameterAccess": { request: DeleteRequest5; result: Empty14 };
  "Roadstead.DeleteNotificationChannel": { request: NotificationChannelRequest; result: NotificationChannelDone };
  "Roadstead.DeleteObjectStore": { request: ObjectStoreRequest; result: ObjectStoreDone };
  "Roadstead.DeleteOidc": { request: Empty15; result: Empty15 };
  "Roadstead.DeletePolicy": { request: PolicyNameRequest; result: Empty8 };
  "Roadstead.DeleteRole": { request: DeleteRoleRequest; result: Empty16 };
  "Roadstead.DeleteTagRule": { request: DeleteTagRuleRequest; result: Empty17 };
  "Roadstead.DeleteUser": { request: DescribeUserRequest; result: Empty18 };
  "Roadstead.DescribeCommand": { request: DescribeRequest5; result: Progress };
  "Roadstead.DescribeGroup": { request: GroupNameRequest; result: GroupResult };
  "Roadstead.DescribeHub": { request: Empty19; result: HubView };
  "Roadstead.DescribeHubKey": { request: Empty20; result: HubKey };
  "Roadstead.DescribeNode": { request: DescribeRequest6; result: NodeDetail };
  "Roadstead.DescribeNodeParameters": { request: DescribeRequest7; result: NodeParameters };
  "Roadstead.DescribeResponsibilities": { request: Empty21; result: Table };
  "Roadstead.DescribeUser": { request: DescribeUserRequest; result: UserResult };
  "Roadstead.DetachPolicy": { request: AttachPolicyRequest; result: Empty8 };
  "Roadstead.DisableSecretKey": { request: NamedRequest; result: Empty22 };
  "Roadstead.EnableSecretKey": { request: NamedRequest; result: Empty22 };
  "Roadstead.ExplainAccess": { request: ExplainAccessRequest; result: ExplainAccessResult };
  "Roadstead.FinishHubKeyRotation": { request: FinishRequest; result: HubKey };
  "Roadstead.FinishOidcLogin": { request: FinishOidcLoginRequest; result: LoggedIn };
  "Roadstead.FinishPasskeyLogin": { request: PasskeyProof; result: LoggedIn };
  "Roadstead.GetAuditHead": { request: Empty23; result: HeadResult };
  "Roadstead.GetAuditRetention": { request: Empty24; result: RetentionResult };
  "Roadstead.GetAuditShipping": { request: Empty25; result: ShippingResult };
  "Roadstead.GetCaller": { request: Empty26; result: CallerView };
  "Roadstead.GetFactors": { request: Empty11; result: FactorsView };
  "Roadstead.GetFreeze": { request: GetFreezeRequest; result: FreezeState };
  "Roadstead.GetLimits": { request: GetLimitsRequest; result: GetLimitsResult };
  "Roadstead.GetNotificationChannel": { request: NotificationChannelRequest; result: GetNotificationChannelResult };
  "Roadstead.GetNotificationLog": { request: GetNotificationLogRequest; result: GetNotificationLogResult };
  "Roadstead.GetObjectStore": { request: ObjectStoreRequest; result: GetObjectStoreResult };
  "Roadstead.GetOidc": { request: Empty15; result: OidcResult };
  "Roadstead.GetOutput": { request: GetRequest4; result: GetResult4 };
  "Roadstead.GetOverview": { request: Empty27; result: Overview };
  "Roadstead.GetPolicy": { request: PolicyNameRequest; result: PolicyResult };
  "Roadstead.GetSetupState": { request: Empty26; result: SetupState };
  "Roadstead.GroupOutputs": { request: GroupRequest; result: GroupResult2 };
  "Roadstead.ImportPolicy": { request: ImportPolicyRequest; result: ImportPolicyResult };
  "Roadstead.LinkOidcUser": { request: LinkOidcUserRequest; result: Empty28 };
  "Roadstead.LintDocument": { request: LintRequest; result: LintResult };
  "Roadstead.ListAccessKeys": { request: Empty12; result: ListResult5 };
  "Roadstead.ListApprovals": { request: ListApprovalsRequest; result: ListApprovalsResult };
  "Roadstead.ListAuditEvents": { request: ListRequest5; result: ListResult6 };
  "Roadstead.ListGroups": { request: ListGroupsRequest; result: ListGroupsResult };
  "Roadstead.ListJoinRequests": { request: ListRequest6; result: ListResult7 };
  "Roadstead.ListLimits": { request: ListLimitsRequest; result: ListLimitsResult };
  "Roadstead.ListLoginRules": { request: Empty29; result: RulesResult };
  "Roadstead.ListLoginSessions": { request: ListRequest7; result: ListResult8 };
  "Roadstead.ListNodeParameterAccess": { request: ListRequest8; result: ListResult9 };
  "Roadstead.ListNotificationChannels": { request: ListNotificationChannelsRequest; result: ListNotificationChannelsResult };
  "Roadstead.ListObjectStores": { request: ListObjectStoresRequest; result: ListObjectStoresResult };
  "Roadstead.ListOutputUploads": { request: ListOutputUploadsRequest; result: ListOutputUploadsResult };
  "Roadstead.ListParameterDocuments": { request: ListRequest9; result: ListResult10 };
  "Roadstead.ListParameterUses": { request: UsesRequest; result: UsesResult };
  "Roadstead.ListPolicies": { request: ListPoliciesRequest; result: ListPoliciesResult };
  "Roadstead.ListRoles": { request: ListRolesRequest; result: ListRolesResult };
  "Roadstead.ListSecretKeys": { request: ListRequest10; result: ListResult11 };
  "Roadstead.ListTagRules": { request: ListTagRulesRequest; result: ListTagRulesResult };
  "Roadstead.ListUsers": { request: ListUsersRequest; result: ListUsersResult };
  "Roadstead.Login": { request: LoginRequest; result: LoggedIn };
  "Roadstead.Logout": { request: Empty26; result: Empty26 };
  "Roadstead.MakeRecoveryCodes": { request: Empty11; result: RecoveryCodes };
  "Roadstead.PutAuditRetention": { request: PutRetentionRequest; result: Empty24 };
  "Roadstead.PutAuditShipping": { request: PutShippingRequest; result: Empty25 };
  "Roadstead.PutLimits": { request: PutLimitsRequest; result: Empty30 };
  "Roadstead.PutLoginRule": { request: PutRuleRequest; result: Empty29 };
  "Roadstead.PutNodeParameterAccess": { request: PutRequest; result: Empty14 };
  "Roadstead.PutNotificationChannel": { request: PutNotificationChannelRequest; result: NotificationChannelDone };
  "Roadstead.PutObjectStore": { request: PutObjectStoreRequest; result: ObjectStoreDone };
  "Roadstead.PutOidc": { request: PutOidcRequest; result: Empty15 };
  "Roadstead.PutPolicy": { request: PutPolicyRequest; result: PolicyResult };
  "Roadstead.PutTagRule": { request: PutTagRuleRequest; result: Empty17 };
  "Roadstead.RecoverUser": { request: RecoverRequest; result: RecoverResult };
  "Roadstead.RejectCommand": { request: DecideCommandRequest; result: DecideCommandResult };
  "Roadstead.RejectJoin": { request: RejectRequest; result: DecisionResult };
  "Roadstead.ReleaseNode": { request: ReleaseRequest; result: Empty31 };
  "Roadstead.RemovePasskey": { request: RemoveRequest2; result: Empty10 };
  "Roadstead.RemoveTotp": { request: Empty11; result: Empty11 };
  "Roadstead.RenameNode": { request: RenameRequest; result: Empty32 };
  "Roadstead.RenewNodeIdentity": { request: RenewRequest; result: Empty31 };
  "Roadstead.RerunCommand": { request: RerunRequest; result: RerunResult };
  "Roadstead.ResetPassword": { request: ResetRequest; result: ResetResult };
  "Roadstead.ResolveTargets": { request: ResolveRequest; result: ResolveResult };
  "Roadstead.RetryNotification": { request: RetryNotificationRequest; result: RetryNotificationResult };
  "Roadstead.RetryOutputUpload": { request: RetryOutputUploadRequest; result: RetryOutputUploadResult };
  "Roadstead.RevokeLoginSession": { request: RevokeRequest; result: Empty33 };
  "Roadstead.RevokeLoginSessions": { request: RevokeAllRequest; result: RevokeAllResult };
  "Roadstead.RotateHubKey": { request: Empty20; result: HubKey };
  "Roadstead.RotateSecretKey": { request: NamedRequest; result: RotateResult };
  "Roadstead.SearchInvocations": { request: SearchRequest; result: SearchResult };
  "Roadstead.SearchNodes": { request: SearchRequest2; result: SearchResult2 };
  "Roadstead.SearchOutputs": { request: SearchOutputsRequest; result: SearchOutputsResult };
  "Roadstead.SearchResources": { request: SearchResourcesRequest; result: SearchResourcesResult };
  "Roadstead.SetFreeze": { request: SetFreezeRequest; result: FreezeState };
  "Roadstead.SimulateAccess": { request: SimulateAccessRequest; result: SimulateAccessResult };
  "Roadstead.StepUp": { request: StepUpRequest; result: SteppedUp };
  "Roadstead.SuggestTags": { request: SuggestTagsRequest; result: SuggestTagsResult };
  "Roadstead.SuggestValues": { request: SuggestRequest; result: SuggestResult };
  "Roadstead.TestNotificationChannel": { request: NotificationChannelRequest; result: TestNotificationChannelResult };
  "Roadstead.TestObjectStore": { request: TestObjectStoreRequest; result: TestObjectStoreResult };
  "Roadstead.UnlinkOidcUser": { request: UnlinkOidcUserRequest; result: Empty28 };
  "Roadstead.UpdateAccessKey": { request: UpdateRequest4; result: Empty12 };
  "Roadstead.UpdateGroup": { request: UpdateGroupRequest; result: GroupResult };
  "Roadstead.UpdateRole": { request: UpdateRoleRequest; result: RoleResult };
  "Roadstead.UpdateUser": { request: UpdateUserRequest; result: UserResult };
  "Roadstead.VerifyAudit": { request: VerifyRequest; result: VerifyResult };
  "AWSSecurityTokenServiceV20110615.AssumeRole": { request: AssumeRoleRequest; result: AssumeRoleResult };
  "AWSSecurityTokenServiceV20110615.GetCallerIdentity": { request: Empty34; result: CallerIdentity };
  "AWSSecurityTokenServiceV20110615.GetSessionToken": { request: SessionTokenRequest; result: SessionTokenResult };
  "ResourceGroupsTaggingAPI_20170126.DescribeReportCreation": { request: DescribeReportCreationRequest; result: DescribeReportCreationResult };
  "ResourceGroupsTaggingAPI_20170126.GetComplianceSummary": { request: GetComplianceSummaryRequest; result: GetComplianceSummaryResult };
  "ResourceGroupsTaggingAPI_20170126.GetResources": { request: GetResourcesRequest; result: GetResourcesResult };
  "ResourceGroupsTaggingAPI_20170126.GetTagKeys": { request: GetTagKeysRequest; result: GetTagKeysResult };
  "ResourceGroupsTaggingAPI_20170126.GetTagValues": { request: GetTagValuesRequest; result: GetTagValuesResult };
  "ResourceGroupsTaggingAPI_20170126.ListRequiredTags": { request: ListRequiredTagsRequest; result: ListRequiredTagsResult };
  "ResourceGroupsTaggingAPI_20170126.StartReportCreation": { request: StartReportCreationRequest; result: Empty35 };
  "ResourceGroupsTaggingAPI_20170126.TagResources": { request: TagResourcesRequest; result: TagResourcesResult };
  "ResourceGroupsTaggingAPI_20170126.UntagResources": { request: UntagResourcesRequest; result: TagResourcesResult };
  "Ardi.CancelTagSyncTask": { request: TagSyncTaskRequest; result: Empty36 };
  "Ardi.CreateGroup": { request: CreateResourceGroupRequest; result: CreateResourceGroupResult };
  "Ardi.DeleteGroup": { request: ResourceGroupRequest; result: ResourceGroupResult };
  "Ardi.GetAccountSettings": { request: GetAccountSettingsRequest; result: AccountSettingsResult };
  "Ardi.GetGroup": { request: ResourceGroupRequest; result: ResourceGroupResult };
  "Ardi.GetGroupConfiguration": { request: GetGroupConfigurationRequest; result: GetGroupConfigurationResult };
  "Ardi.GetGroupQuery": { request: GetGroupQueryRequest; result: GroupQueryResult };
  "Ardi.GetTagSyncTask": { request: TagSyncTaskRequest; result: Empty36 };
  "Ardi.GetTags": { request: GetGroupTagsRequest; result: GroupTagsResult };
  "Ardi.GroupResources": { request: GroupResourcesRequest; result: GroupResourcesResult };
  "Ardi.ListGroupResources": { request: ListGroupResourcesRequest; result: ListGroupResourcesResult };
  "Ardi.ListGroupingStatuses": { request: ListGroupingStatusesRequest; result: ListGroupingStatusesResult };
  "Ardi.ListGroups": { request: ListResourceGroupsRequest; result: ListResourceGroupsResult };
  "Ardi.ListTagSyncTasks": { request: ListTagSyncTasksRequest; result: ListTagSyncTasksResult };
  "Ardi.PutGroupConfiguration": { request: PutGroupConfigurationRequest; result: Empty37 };
  "Ardi.SearchResources": { request: SearchByQueryRequest; result: SearchByQueryResult };
  "Ardi.StartTagSyncTask": { request: StartTagSyncTaskRequest; result: Empty36 };
  "Ardi.Tag": { request: TagGroupRequest; result: GroupTagsResult };
  "Ardi.UngroupResources": { request: GroupResourcesRequest; result: GroupResourcesResult };
  "Ardi.Untag": { request: UntagGroupRequest; result: UntagGroupResult };
  "Ardi.UpdateAccountSettings": { request: UpdateAccountSettingsRequest; result: AccountSettingsResult };
  "Ardi.UpdateGroup": { request: UpdateResourceGroupRequest; result: ResourceGroupResult };
  "Ardi.UpdateGroupQuery": { request: UpdateGroupQueryRequest; result: GroupQueryResult };
  "Logs_20140328.DescribeLogGroups": { request: DescribeLogGroupsRequest; result: DescribeLogGroupsResult };
  "Logs_20140328.DescribeLogStreams": { request: DescribeLogStreamsRequest; result: DescribeLogStreamsResult };
  "Logs_20140328.FilterLogEvents": { request: FilterLogEventsRequest; result: FilterLogEventsResult };
  "Logs_20140328.GetLogEvents": { request: GetLogEventsRequest; result: GetLogEventsResult };
}
