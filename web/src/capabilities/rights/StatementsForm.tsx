import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { EMPTY_STATEMENT, type StatementForm } from "./statements";
import { StatementFields } from "./StatementFields";
import { useRightsTexts } from "./texts";

interface Props {
  statements: readonly StatementForm[];
  onChange: (statements: StatementForm[]) => void;
}

export function StatementsForm({ statements, onChange }: Props) {
  const t = useRightsTexts();
  return (
    <SpaceBetween size="l">
      {statements.map((statement, index) => (
        <Container
          key={index} // oxlint-disable-line react/no-array-index-key -- statements have no other identity
          header={
            <Header
              variant="h3"
              actions={
                statements.length > 1 && (
                  <Button formAction="none" onClick={() => onChange(statements.filter((_, at) => at !== index))}>
                    {t("statementRemove")}
                  </Button>
                )
              }
            >
              {t("statement", { number: index + 1 })}
            </Header>
          }
        >
          <StatementFields statement={statement} onChange={(next) => onChange(statements.map((one, at) => (at === index ? next : one)))} />
        </Container>
      ))}
      <Button formAction="none" onClick={() => onChange([...statements, EMPTY_STATEMENT])}>
        {t("statementAdd")}
      </Button>
    </SpaceBetween>
  );
}
