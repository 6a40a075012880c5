import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import { usePage } from "@/components/usePage";
import { EMPTY_DRAFT } from "./draft";
import { ParameterForm } from "./ParameterForm";
import { useParameterTexts } from "./texts";

export default function NewParameterPage() {
  const t = useParameterTexts();
  usePage(t("create"), [
    { text: t("parameters"), href: "/parameters" },
    { text: t("create"), href: "/parameters/new" },
  ]);
  return (
    <ContentLayout header={<Header variant="h1">{t("create")}</Header>}>
      <ParameterForm start={EMPTY_DRAFT} isNew />
    </ContentLayout>
  );
}
