import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Multiselect from "@cloudscape-design/components/multiselect";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { useCommonTexts } from "@/components/texts";
import { useMay } from "@/components/useMay";
import type { Policy } from "@/platform/types";
import { type Holder, attachPolicy, detachPolicy, rolesQuery, usersQuery, useRightsChanged } from "./api";
import { useRightsTexts } from "./texts";

const ACTIONS = ["roadstead:AttachPolicy", "roadstead:DetachPolicy"] as const;

/** Whose policy it is; changed one by one, at once. */
export function PolicyHolders({ policy }: { policy: Policy }) {
  const t = useRightsTexts();
  const common = useCommonTexts();
  const may = useMay({ kind: "policy" }, ACTIONS);
  const changed = useRightsChanged();
  const roles = useQuery(rolesQuery);
  const users = useQuery(usersQuery);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const noAttach = may("roadstead:AttachPolicy");
  const noDetach = may("roadstead:DetachPolicy");
  const has = (kind: string, name: string) => policy.AttachedTo.some((one) => one.Kind === kind && one.Name === name);
  const options = [
    { label: t("roles"), options: (roles.data ?? []).filter((role) => !role.BuiltIn && !has("role", role.RoleName)).map((role) => ({ value: `role/${role.RoleName}`, label: role.RoleName })) },
    { label: t("users"), options: (users.data ?? []).filter((user) => !has("user", user.UserName)).map((user) => ({ value: `user/${user.UserName}`, label: user.UserName })) },
  ];

  const change = async (action: () => Promise<unknown>) => {
    setBusy(true);
    setError(undefined);
    try {
      await action();
      setChosen([]);
    } catch (cause) {
      setError(cause);
    }
    changed();
    setBusy(false);
  };
  const attach = async () => {
    for (const id of chosen) await attachPolicy(policy.PolicyName, holderOf(id)); // oxlint-disable-line no-await-in-loop -- an error names where it stopped
  };

  return (
    <Container>
      <SpaceBetween size="l">
        {error !== undefined && <ErrorState error={error} title={t("attachFailed")} />}
        {policy.AttachedTo.length === 0 && <Box color="text-body-secondary">{t("attachedNone")}</Box>}
        <ul className="plain-list">
          {policy.AttachedTo.map(({ Kind, Name }) => (
            <li key={Kind + Name}>
              {t(Kind === "role" ? "role" : "user")} <strong>{Name}</strong>{" "}
              <Button
                variant="inline-link"
                disabled={busy || noDetach !== undefined}
                disabledReason={noDetach}
                ariaLabel={`${t("detach")}: ${Name}`}
                onClick={() => void change(() => detachPolicy(policy.PolicyName, holderOf(`${Kind}/${Name}`)))}
              >
                {t("detach")}
              </Button>
            </li>
          ))}
        </ul>
        <SpaceBetween direction="horizontal" size="xs">
          <div className="holder-choice">
            <Multiselect
              ariaLabel={t("attachTo")}
              selectedOptions={chosen.map((id) => ({ value: id, label: holderOf(id).name }))}
              options={options}
              placeholder={t("attachTo")}
              filteringType="auto"
              deselectAriaLabel={({ label }) => `${common("tagRemove")}: ${label}`}
              expandToViewport
              onChange={({ detail }) => setChosen(detail.selectedOptions.map(({ value = "" }) => value))}
            />
          </div>
          <Button loading={busy} disabled={chosen.length === 0 || noAttach !== undefined} disabledReason={noAttach} onClick={() => void change(attach)}>
            {t("attach")}
          </Button>
        </SpaceBetween>
      </SpaceBetween>
    </Container>
  );
}

function holderOf(id: string): Holder {
  const at = id.indexOf("/");
  return { kind: id.slice(0, at) === "role" ? "role" : "user", name: id.slice(at + 1) };
}
