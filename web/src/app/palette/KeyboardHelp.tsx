import Box from "@cloudscape-design/components/box";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Toggle from "@cloudscape-design/components/toggle";
import { usePreference } from "@/platform/preferences";
import { ALL_ENTRIES } from "../navigation";
import { useAppTexts } from "../texts";

/** `?`: what the keys do. */
export default function KeyboardHelp({ onClose }: { onClose: () => void }) {
  const t = useAppTexts();
  const [isOn, setOn] = usePreference("singleKeys");
  const rows: [string[], string][] = [
    [["Ctrl", "K"], t("keysPalette")],
    [["/"], t("keysFilter")],
    [["j"], t("keysDown")],
    [["k"], t("keysUp")],
    [["x"], t("keysChoose")],
    [["Enter"], t("keysOpen")],
    ...ALL_ENTRIES.flatMap(({ key, text }): [string[], string][] => (key ? [[["g", key], t("keysGo", { page: t(text) })]] : [])),
    [["?"], t("keysHelp")],
  ];
  return (
    <Modal visible header={t("keyboardHelp")} closeAriaLabel={t("close")} onDismiss={onClose}>
      <SpaceBetween size="s">
        <Box variant="p">{t("keysIntro")}</Box>
        <Toggle checked={isOn} description={t("keysSingleHelp")} onChange={({ detail }) => setOn(detail.checked)}>
          {t("keysSingle")}
        </Toggle>
        <table className="key-table">
          <thead>
            <tr>
              <th scope="col">{t("keysKey")}</th>
              <th scope="col">{t("keysWhat")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([keys, text]) => (
              <tr key={text}>
                <td>
                  {keys.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </td>
                <td>{text}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </SpaceBetween>
    </Modal>
  );
}
