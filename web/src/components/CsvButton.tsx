import Button from "@cloudscape-design/components/button";
import { useEffect, useRef, useState } from "react";
import { type CsvColumn, toCsv } from "./csv";
import { saveFile } from "./saveFile";
import { useCommonTexts } from "./texts";
import { useAttempt } from "./useAttempt";

interface Props<T> {
  /** Without its ending. */
  fileName: string;
  columns: readonly CsvColumn<T>[];
  /** All rows, not only those of the page that is shown. */
  fetchRows: (signal: AbortSignal) => Promise<readonly T[]>;
}

/** Keeps a list as a file for spreadsheets. Leaving the page gives it up. */
export function CsvButton<T>({ fileName, columns, fetchRows }: Props<T>) {
  const t = useCommonTexts();
  const attempt = useAttempt();
  const [isBusy, setBusy] = useState(false);
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);

  const save = async () => {
    const controller = new AbortController();
    running.current = controller;
    setBusy(true);
    await attempt(async () => {
      try {
        const rows = await fetchRows(controller.signal);
        if (!controller.signal.aborted) saveFile(`${fileName}.csv`, toCsv(columns, rows), "text/csv;charset=utf-8");
      } catch (cause) {
        if (!controller.signal.aborted) throw cause;
      }
    });
    setBusy(false);
  };
  return (
    <Button iconName="download" loading={isBusy} loadingText={t("csvGathering")} onClick={() => void save()}>
      {t("csv")}
    </Button>
  );
}
