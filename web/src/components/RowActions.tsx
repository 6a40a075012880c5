import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { Pages } from "@/platform/pages";
import { RefreshButton } from "./RefreshButton";

interface Action {
  text: string;
  onClick: () => void;
  isBusy?: boolean;
}

interface Props {
  pages: Pages<unknown>;
  /** What can be done to the chosen row, and why it cannot now. */
  actions: readonly Action[];
  noChange: string | undefined;
  create: Action;
  noCreate: string | undefined;
}

/** Above a list whose rows are looked after one by one: refresh, what is done to the chosen row, a new one. */
export function RowActions({ pages, actions, noChange, create, noCreate }: Props) {
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <RefreshButton pages={pages} />
      {actions.map(({ text, onClick, isBusy = false }) => (
        <Button key={text} loading={isBusy} disabled={noChange !== undefined} disabledReason={noChange} onClick={onClick}>
          {text}
        </Button>
      ))}
      <Button variant="primary" disabled={noCreate !== undefined} disabledReason={noCreate} onClick={create.onClick}>
        {create.text}
      </Button>
    </SpaceBetween>
  );
}
