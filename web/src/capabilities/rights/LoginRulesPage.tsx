import Button from "@cloudscape-design/components/button";
import type { Column } from "@/components/QueryTable";
import type { LoginRule } from "@/platform/types";
import { listLoginRules, putLoginRule } from "./api";
import { LoginRuleDialog } from "./LoginRuleDialog";
import { DEMANDS, noDemands, ruleHolder } from "./loginRules";
import { NamedList } from "./NamedList";
import { type Translator, useRightsTexts } from "./texts";

const ACTIONS = { create: "roadstead:PutLoginRule", update: "roadstead:PutLoginRule", delete: "roadstead:PutLoginRule" } as const;
const TEXTS = {
  title: "loginRules",
  help: "loginRulesHelp",
  choose: "loginRuleChoose",
  create: "loginRuleCreate",
  deleteTitle: "loginRuleDeleteTitle",
  deleteText: "loginRuleDeleteText",
  deleted: "loginRuleDeleted",
  empty: "loginRulesEmpty",
  emptyHelp: "loginRulesEmptyHelp",
} as const;

/** What the logins of a role's users must bring. */
export default function LoginRulesPage() {
  const t = useRightsTexts();
  return (
    <NamedList<LoginRule>
      name="login-rules"
      kind="role"
      fetchPage={(_cursor, _size, signal) => listLoginRules(signal)}
      sizes={NO_SIZES}
      nameOf={({ Role }) => ruleHolder(Role, t)}
      columns={ruleColumns}
      actions={ACTIONS}
      remove={({ Role }) => putLoginRule(noDemands(Role))}
      texts={TEXTS}
      dialog={({ item, ...rest }) => <LoginRuleDialog rule={item} {...rest} />}
    />
  );
}

const NO_SIZES: readonly number[] = [];

function ruleColumns(t: Translator, onOpen: (rule: LoginRule) => void): Column<LoginRule>[] {
  return [
    {
      id: "role",
      header: t("role"),
      width: 200,
      isRowHeader: true,
      cell: (rule) => (
        <span data-row-open>
          <Button variant="inline-link" onClick={() => onOpen(rule)}>
            {ruleHolder(rule.Role, t)}
          </Button>
        </span>
      ),
    },
    ...DEMANDS.map(({ key, text }) => ({ id: key, header: t(text), width: 190, cell: (rule: LoginRule) => (rule[key] ? t("demanded") : "–") })),
  ];
}
