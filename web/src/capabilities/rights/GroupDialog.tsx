import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ChoiceField } from "@/components/ChoiceField";
import { ErrorState } from "@/components/ErrorState";
import { FocusedInput } from "@/components/FocusedInput";
import { FormDialog } from "@/components/FormDialog";
import { NodeFilter } from "@/components/NodeFilter";
import { useNotify } from "@/components/Notifications";
import { useCommonTexts } from "@/components/texts";
import { filterFromText, filterToText } from "@/platform/filter";
import type { Group } from "@/platform/types";
import { createGroup, groupNodes, updateGroup } from "./api";
import { NodesField } from "./NodesField";
import { useRightsTexts } from "./texts";

interface Props {
  group?: Group;
  onClose: () => void;
  onSaved: () => void;
}

/** A group is a rule, looked at anew each time, or a list of nodes. */
export function GroupDialog(props: Props) {
  const t = useRightsTexts();
  const common = useCommonTexts();
  const isListed = props.group !== undefined && props.group.Rule === undefined && props.group.Query === undefined;
  const name = props.group?.GroupName ?? "";
  // Never from an earlier reading: what is saved is the whole list, so it would undo what somebody else changed since.
  const query = useQuery({ queryKey: ["groups", "nodes", name], queryFn: ({ signal }) => groupNodes(name, signal), enabled: isListed, gcTime: 0 });
  if (!isListed || query.data) return <GroupFields {...props} members={query.data ?? []} />;
  return (
    <Modal visible size="large" header={t("groupEdit", { name })} closeAriaLabel={common("close")} onDismiss={props.onClose}>
      {query.error ? <ErrorState error={query.error} onRetry={() => void query.refetch()} /> : <Spinner />}
    </Modal>
  );
}

function GroupFields({ group, members, onClose, onSaved }: Props & { members: readonly string[] }) {
  const t = useRightsTexts();
  const notify = useNotify();
  const [name, setName] = useState(group?.GroupName ?? "");
  const [description, setDescription] = useState(group?.Description ?? "");
  const [kind, setKind] = useState<"rule" | "list" | "query">(kindOf(group));
  const [rule, setRule] = useState(filterFromText(group?.Rule ?? ""));
  const [nodes, setNodes] = useState<readonly string[]>(members);
  const [isTried, setTried] = useState(false);
  const isRuleMissing = kind === "rule" && rule.Terms.length === 0;

  const save = async () => {
    setTried(true);
    if (name.trim() === "" || isRuleMissing) return false;
    const chosen = kind === "query" ? {} : kind === "rule" ? { Rule: filterToText(rule) } : { NodeIds: [...nodes] };
    await (group ? updateGroup : createGroup)({ GroupName: name.trim(), Description: description.trim(), ...chosen });
    notify({ type: "success", content: t("groupSaved", { name: name.trim() }) });
    onSaved();
    return true;
  };

  return (
    <FormDialog size="large" title={group ? t("groupEdit", { name: group.GroupName }) : t("groupCreate")} action={group ? t("save") : t("groupCreate")} onSubmit={save} onClose={onClose}>
      <SpaceBetween size="l">
        {!group && (
          <FormField label={t("groupName")} errorText={isTried && name.trim() === "" ? t("nameNeeded") : undefined}>
            <FocusedInput value={name} autoComplete={false} onChange={({ detail }) => setName(detail.value)} />
          </FormField>
        )}
        <ChoiceField
          label={t("groupKind")}
          description={t("groupKindHelp")}
          selectedId={kind}
          options={[
            { id: "rule", text: t("groupRule") },
            { id: "list", text: t("groupList") },
            // Made by upstream's clients; one that is given up for a rule or a list is gone.
            ...(group?.Query === undefined ? [] : [{ id: "query", text: t("groupQuery") }]),
          ]}
          onChange={({ detail }) => setKind(detail.selectedId as typeof kind)}
        />
        {kind === "query" && <code>{group?.Query}</code>}
        {kind === "rule" && (
          <FormField label={t("groupRule")} errorText={isTried && isRuleMissing ? t("groupRuleNeeded") : undefined} stretch>
            <NodeFilter filter={rule} onChange={setRule} />
          </FormField>
        )}
        {kind === "list" && <NodesField ids={nodes} onChange={setNodes} />}
        <FormField label={t("description")}>
          <Input value={description} autoComplete={false} onChange={({ detail }) => setDescription(detail.value)} />
        </FormField>
      </SpaceBetween>
    </FormDialog>
  );
}

function kindOf(group: Group | undefined): "rule" | "list" | "query" {
  if (group?.Query !== undefined) return "query";
  return group && group.Rule === undefined ? "list" : "rule";
}
