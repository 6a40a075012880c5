/**
 * Shapes of the operations the console calls, in the hub's own spelling. Times are epoch seconds.
 */

export interface Tag {
  Key: string;
  Value: string;
}

export interface Page {
  NextToken?: string;
}

// Setup and callers

export interface SetupState {
  NeedsAdmin: boolean;
  Version: string;
  HubName: string;
}

export interface LoginResult {
  UserName: string;
  CsrfToken: string;
}

export interface Caller {
  UserName: string;
  Kind: "user" | "access-key" | "local";
  Role: string;
  AccountId: string;
  Region: string;
  CsrfToken?: string;
  Version: string;
}

export interface AccessKey {
  AccessKeyId: string;
  UserName: string;
  Description?: string;
  CreatedAt: number;
  LastUsedAt?: number;
  Status: string;
}

export interface CreatedAccessKey {
  AccessKeyId: string;
  SecretAccessKey: string;
  UserName: string;
  CreatedAt: number;
}

// Hub

export interface HubDescription {
  Version: string;
  AccountId: string;
  Region: string;
  Addresses: string[];
  CaFingerprint: string;
  HubKey: string;
  StartedAt: number;
  NodesTotal: number;
  NodesOnline: number;
  DatabaseBytes: number;
  BlobBytes: number;
  Architectures: string[];
}

export interface NamedCount {
  Name: string;
  Count: number;
}

export interface Overview {
  Nodes: { Total: number; Online: number; Offline: number; ByPlatform: NamedCount[] };
  Commands: { Running: number; Last24h: number; Failed24h: number; Recent: Command[] };
  Sessions: { Active: number };
  Activations: { Open: number };
}

// Nodes

export type NodeStatus = "Online" | "Offline";

export type OfflineReason =
  | "CleanStop"
  | "Updating"
  | "HeartbeatLost"
  | "ConnectionLost"
  | "HubRestarted"
  | "NeverConnected";

export interface NodeSummary {
  NodeId: string;
  Name: string;
  Status: NodeStatus;
  OfflineReason?: OfflineReason;
  LastSeenAt?: number;
  Platform?: string;
  PlatformVersion?: string;
  Architecture?: string;
  AgentVersion?: string;
  Addresses: string[];
  Tags: Tag[];
  JoinedAt: number;
  BootedAt?: number;
}

export interface NodeDescription extends NodeSummary {
  ComputerName?: string;
  MachineId?: string;
  BootId?: string;
  Kernel?: string;
  PlatformId?: string;
  CpuCount?: number;
  MemoryBytes?: number;
  RunsAs?: string;
  ActivationId?: string;
  ConnectedAt?: number;
  OfflineSentence?: string;
}

export type FilterOp = "eq" | "ne" | "contains" | "ncontains" | "prefix" | "ge" | "le";

export interface FilterTerm {
  Key: string;
  Op: FilterOp;
  Value: string;
}

export interface Filter {
  Join: "and" | "or";
  Terms: FilterTerm[];
}

export interface Sort {
  Key: string;
  Descending: boolean;
}

export interface SearchNodesRequest {
  Filter?: Filter;
  Sort?: Sort;
  MaxResults?: number;
  NextToken?: string;
}

export interface SearchNodesResult extends Page {
  Nodes: NodeSummary[];
  Total: number;
}

export interface Target {
  Key: string;
  Values: string[];
}

export interface ResolveTargetsRequest {
  InstanceIds?: string[];
  Targets?: Target[];
  Filter?: Filter;
  TimeoutSeconds?: number;
}

export interface OfflineNode {
  NodeId: string;
  Name: string;
  OfflineReason?: OfflineReason;
  LastSeenAt?: number;
}

export interface ResolvedTargets {
  Total: number;
  Online: number;
  Offline: number;
  OfflineNodes: OfflineNode[];
  Sample: NodeSummary[];
  WaitEndsAt: number;
}

// Commands

export interface Command {
  CommandId: string;
  DocumentName: string;
  Comment?: string;
  Parameters?: Record<string, string[]>;
  InstanceIds?: string[];
  Targets?: Target[];
  RequestedDateTime: number;
  ExpiresAfter?: number;
  Status: string;
  StatusDetails: string;
  TargetCount: number;
  CompletedCount: number;
  ErrorCount: number;
  DeliveryTimedOutCount?: number;
  TimeoutSeconds?: number;
  MaxConcurrency?: string;
  MaxErrors?: string;
}

export interface StateCount {
  StatusDetails: string;
  Count: number;
}

export interface CommandDescription {
  Command: Command;
  States: StateCount[];
}

export interface SendCommandRequest {
  DocumentName: string;
  Parameters: Record<string, string[]>;
  TimeoutSeconds?: number;
  Comment?: string;
  InstanceIds?: string[];
  Targets?: Target[];
}

export interface Invocation {
  NodeId: string;
  Name: string;
  Status: string;
  StatusDetails: string;
  ExitCode?: number;
  StartedAt?: number;
  EndedAt?: number;
  Message?: string;
  StdoutBytes: number;
  StderrBytes: number;
  OutputHash?: string;
}

export interface OutputGroup {
  OutputHash: string;
  StatusDetails: string;
  ExitCode?: number;
  Count: number;
  NodeIds: string[];
  Stdout: string;
  Stderr: string;
  Truncated: boolean;
}

export type StreamName = "stdout" | "stderr";

export interface OutputCut {
  HeadBytes: number;
  OmittedBytes: number;
}

export interface OutputPiece {
  Text: string;
  NextOffset: number;
  StoredBytes: number;
  Complete: boolean;
  Cut?: OutputCut;
  Source: "stored" | "live";
}

// Sessions

export interface Session {
  SessionId: string;
  Target: string;
  Status: string;
  StartDate?: number;
  EndDate?: number;
  DocumentName?: string;
  Owner?: string;
  Reason?: string;
  Details?: string;
}

export interface SessionTicket {
  SessionId: string;
  StreamUrl: string;
  TokenValue: string;
}

// Activations

export interface JoinLine {
  ActivationId: string;
  Token: string;
  Line: string;
  OfflineLine: string;
  ExpiresAt: number;
  Addresses: string[];
}

export interface Activation {
  ActivationId: string;
  Description?: string;
  DefaultInstanceName?: string;
  RegistrationLimit: number;
  RegistrationsCount: number;
  ExpirationDate: number;
  Expired: boolean;
  CreatedDate: number;
  Tags?: Tag[];
}
