import type { Wanted } from "@/components/tagging/useSnapshot";
import { call } from "@/platform/api";
import { isEmpty } from "@/platform/filter";
import type { Filter, NodeSummary, SearchNodesRequest } from "@/platform/types";

/** The hub gives so many nodes at once. */
const PAGE = 100;

/** All nodes that match, to be tagged. */
export function matchingNodes(filter: Filter): Wanted {
  return {
    key: ["nodes", filter],
    readAll: async (onRead, signal) => {
      const found: NodeSummary[] = [];
      let cursor: string | undefined;
      do {
        const request: SearchNodesRequest = { MaxResults: PAGE, ...(isEmpty(filter) ? {} : { Filter: filter }), ...(cursor ? { NextToken: cursor } : {}) };
        const page = await call("Roadstead.SearchNodes", request, signal); // oxlint-disable-line no-await-in-loop -- a page names the next
        found.push(...page.Nodes);
        onRead(found.length);
        cursor = page.NextToken;
      } while (cursor !== undefined);
      return found.map(({ NodeId, Name, Tags }) => ({ type: "ManagedInstance", id: NodeId, name: Name, tags: Tags }));
    },
  };
}
