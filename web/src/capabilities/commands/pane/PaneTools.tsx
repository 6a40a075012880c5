import Button from "@cloudscape-design/components/button";
import Input from "@cloudscape-design/components/input";
import Toggle from "@cloudscape-design/components/toggle";
import { useCommonTexts } from "@/components/texts";
import { useCommandTexts } from "../texts";

interface Props {
  isPaused: boolean;
  onPause: () => void;
  /** Lines that have come since. */
  waiting: number;
  isFollowing: boolean;
  onFollow: (isFollowing: boolean) => void;
  wraps: boolean;
  onWrap: (wraps: boolean) => void;
  filter: string;
  onFilter: (filter: string) => void;
}

export function PaneTools(props: Props) {
  const t = useCommandTexts();
  const common = useCommonTexts();
  return (
    <div className="pane-tools">
      <div className="pane-filter">
        <Input
          type="search"
          value={props.filter}
          onChange={({ detail }) => props.onFilter(detail.value)}
          ariaLabel={t("paneFilter")}
          placeholder={t("paneFilterPlaceholder")}
          clearAriaLabel={common("clearFilter")}
        />
      </div>
      <Button iconName={props.isPaused ? "play" : "pause"} onClick={props.onPause}>
        {t(props.isPaused ? "paneResume" : "panePause")}
      </Button>
      <Toggle checked={props.isFollowing} onChange={({ detail }) => props.onFollow(detail.checked)}>
        {common("outputFollow")}
      </Toggle>
      <Toggle checked={props.wraps} onChange={({ detail }) => props.onWrap(detail.checked)}>
        {common("outputWrap")}
      </Toggle>
      <span role="status">{props.isPaused && t("panePaused", { count: props.waiting })}</span>
    </div>
  );
}
