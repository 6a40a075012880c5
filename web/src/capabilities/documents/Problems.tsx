import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { ErrorState } from "@/components/ErrorState";
import type { DocumentProblem } from "@/platform/types";
import "./documents.css";
import { useDocumentTexts } from "./texts";
import type { Lint } from "./useLint";

interface Props {
  lint: Lint;
  onGo: (problem: DocumentProblem) => void;
}

/** What the hub says about the text, as it is typed; each place is a way there. */
export function Problems({ lint: { problems, isCurrent, error }, onGo }: Props) {
  const t = useDocumentTexts();
  return (
    <Container header={<Header variant="h2">{t("problems")}</Header>}>
      <div aria-live="polite">
        {error !== null && error !== undefined && <ErrorState error={error} />}
        {problems.length === 0 && <StatusIndicator type={isCurrent ? "success" : "loading"}>{t(isCurrent ? "noProblems" : "linting")}</StatusIndicator>}
        <ul className="problem-list">
          {problems.map((problem) => (
            <li key={`${problem.Line}:${problem.Column}:${problem.Path}:${problem.Message}`}>
              <StatusIndicator type={problem.Severity} iconAriaLabel={t(problem.Severity === "error" ? "problemError" : "problemWarning")}>
                {problem.Line > 0 && (
                  <Button variant="inline-link" onClick={() => onGo(problem)}>
                    {t("problemAt", { line: problem.Line, column: problem.Column })}
                  </Button>
                )}{" "}
                {problem.Path && <Box variant="code">{problem.Path}</Box>} {problem.Message}
              </StatusIndicator>
            </li>
          ))}
        </ul>
      </div>
    </Container>
  );
}
