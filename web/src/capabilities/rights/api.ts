import { queryOptions, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { call } from "@/platform/api";
import { EMPTY_FILTER, FREE_TEXT, isEmpty, where } from "@/platform/filter";
import type { CursorPage, FetchPage } from "@/platform/pages";
import type { Filter, Group, HeldLimits, LoginRule, NodeSummary, Policy, PolicyDocument, Request, Role, User, Verdict } from "@/platform/types";
import { isDemanding } from "./loginRules";

const ALL = 100;

/** Users, roles, policies and groups name each other, and what somebody may do follows from all of them. */
const RIGHTS = ["users", "roles", "policies", "groups", "limits", "login-rules", "may", "who-may", "explain"] as const;

/** To be called after any change of rights: whatever is shown of them is asked for again. */
export function useRightsChanged(): () => void {
  const client = useQueryClient();
  return useCallback(() => {
    for (const name of RIGHTS) void client.invalidateQueries({ queryKey: [name] });
  }, [client]);
}

const paged = (cursor: string | undefined, size: number) => ({ MaxResults: size, ...(cursor ? { NextToken: cursor } : {}) });

export const listUsers: FetchPage<User> = async (cursor, size, signal) => {
  const { Users, NextToken } = await call("Roadstead.ListUsers", paged(cursor, size), signal);
  return { items: Users, next: NextToken };
};

export const createUser = (request: Request<"Roadstead.CreateUser">) => call("Roadstead.CreateUser", request);
export const updateUser = (request: Request<"Roadstead.UpdateUser">) => call("Roadstead.UpdateUser", request);
/** Good for one login, at which the user sets another. */
export const resetPassword = (name: string, password: string) => call("Roadstead.ResetPassword", { UserName: name, Password: password });
export const deleteUser = (name: string) => call("Roadstead.DeleteUser", { UserName: name });

export const listRoles: FetchPage<Role> = async (cursor, size, signal) => {
  const { Roles, NextToken } = await call("Roadstead.ListRoles", paged(cursor, size), signal);
  return { items: Roles, next: NextToken };
};

/** Roles and policies to choose from: few on any hub, so they are read whole. */
export const rolesQuery = queryOptions({ queryKey: ["roles", "all"], queryFn: ({ signal }) => whole(listRoles, signal) });
export const usersQuery = queryOptions({ queryKey: ["users", "all"], queryFn: ({ signal }) => whole(listUsers, signal) });
export const policiesQuery = queryOptions({ queryKey: ["policies", "all"], queryFn: ({ signal }) => whole(listPolicies, signal) });

async function whole<T>(fetchPage: FetchPage<T>, signal: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page: CursorPage<T> = await fetchPage(cursor, ALL, signal); // oxlint-disable-line no-await-in-loop -- a page names the next
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return items;
}

export const createRole = (request: Request<"Roadstead.CreateRole">) => call("Roadstead.CreateRole", request);
export const updateRole = (request: Request<"Roadstead.UpdateRole">) => call("Roadstead.UpdateRole", request);
export const deleteRole = (name: string) => call("Roadstead.DeleteRole", { RoleName: name });

export const listPolicies: FetchPage<Policy> = async (cursor, size, signal) => {
  const { Policies, NextToken } = await call("Roadstead.ListPolicies", paged(cursor, size), signal);
  return { items: Policies, next: NextToken };
};

/** Read anew for each editor: one that starts from an earlier reading would undo, when saved, what was changed since. */
export function policyQuery(name: string) {
  return queryOptions({ queryKey: ["policies", "one", name], queryFn: ({ signal }) => call("Roadstead.GetPolicy", { PolicyName: name }, signal), gcTime: 0 });
}

export const putPolicy = (request: Request<"Roadstead.PutPolicy">) => call("Roadstead.PutPolicy", request);
export const deletePolicy = (name: string) => call("Roadstead.DeletePolicy", { PolicyName: name });

/** Says what an IAM policy becomes; stores nothing. */
export function translatePolicy(document: PolicyDocument | string, signal?: AbortSignal) {
  return call("Roadstead.ImportPolicy", { PolicyName: "preview", Document: document, DryRun: true }, signal);
}

export interface Holder {
  kind: "role" | "user";
  name: string;
}

const holder = ({ kind, name }: Holder) => (kind === "role" ? { RoleName: name } : { UserName: name });
export const attachPolicy = (policy: string, to: Holder) => call("Roadstead.AttachPolicy", { PolicyName: policy, ...holder(to) });
export const detachPolicy = (policy: string, from: Holder) => call("Roadstead.DetachPolicy", { PolicyName: policy, ...holder(from) });

export const listGroups: FetchPage<Group> = async (cursor, size, signal) => {
  const { Groups, NextToken } = await call("Roadstead.ListGroups", paged(cursor, size), signal);
  return { items: Groups, next: NextToken };
};

export async function groupNodes(name: string, signal?: AbortSignal): Promise<string[]> {
  const { NodeIds } = await call("Roadstead.DescribeGroup", { GroupName: name }, signal);
  return NodeIds;
}

export const createGroup = (request: Request<"Roadstead.CreateGroup">) => call("Roadstead.CreateGroup", request);
export const updateGroup = (request: Request<"Roadstead.UpdateGroup">) => call("Roadstead.UpdateGroup", request);
export const deleteGroup = (name: string) => call("Roadstead.DeleteGroup", { GroupName: name });

/** Those of a filter; the hub has no more than there are users and roles, and answers with all of them. */
export async function listLimits(filter: Filter, signal: AbortSignal): Promise<CursorPage<HeldLimits>> {
  const { Limits } = await call("Roadstead.ListLimits", isEmpty(filter) ? {} : { Filter: filter }, signal);
  return { items: Limits };
}

export const limitsQuery = queryOptions({ queryKey: ["limits", "all"], queryFn: async ({ signal }) => (await listLimits(EMPTY_FILTER, signal)).items });
export const putLimits = (request: Request<"Roadstead.PutLimits">) => call("Roadstead.PutLimits", request);

/** Those that demand anything; the hub has one for each role at most, and answers with all of them. */
export async function listLoginRules(signal: AbortSignal): Promise<CursorPage<LoginRule>> {
  const { LoginRules } = await call("Roadstead.ListLoginRules", {}, signal);
  return { items: LoginRules.filter(isDemanding) };
}

export const loginRulesQuery = queryOptions({ queryKey: ["login-rules", "all"], queryFn: async ({ signal }) => (await listLoginRules(signal)).items });
export const putLoginRule = (request: Request<"Roadstead.PutLoginRule">) => call("Roadstead.PutLoginRule", request);

export interface Question {
  action: string;
  kind: string;
  id: string;
}

export function whoMay({ action, kind, id }: Question): FetchPage<Verdict> {
  return async (cursor, size, signal) => {
    const request = { Action: action, Resource: { Kind: kind, Id: id }, ...paged(cursor, size) };
    const { Users, NextToken } = await call("Roadstead.SimulateAccess", request, signal);
    return { items: Users, next: NextToken };
  };
}

export function explainQuestion({ action, kind, id }: Question, user: string | undefined, signal?: AbortSignal) {
  return call("Roadstead.ExplainAccess", { Action: action, Resource: { Kind: kind, Id: id }, ...(user ? { UserName: user } : {}) }, signal);
}

export function explainRequest(requestId: string, user: string | undefined, signal?: AbortSignal) {
  return call("Roadstead.ExplainAccess", { RequestId: requestId, ...(user ? { UserName: user } : {}) }, signal);
}

export async function findNodes(text: string): Promise<NodeSummary[]> {
  const { Nodes } = await call("Roadstead.SearchNodes", { MaxResults: 20, ...(text ? { Filter: where(FREE_TEXT, "contains", text) } : {}) });
  return Nodes;
}
