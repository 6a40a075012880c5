import Button from "@cloudscape-design/components/button";
import { useCommonTexts } from "./texts";

interface Props {
  pages: { isRefreshing: boolean; refresh: () => void };
}

/** Asks the hub again; lists also do so by themselves. */
export function RefreshButton({ pages }: Props) {
  const t = useCommonTexts();
  return <Button iconName="refresh" ariaLabel={t("refresh")} loading={pages.isRefreshing} loadingText={t("loading")} onClick={pages.refresh} />;
}
