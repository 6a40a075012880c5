import { usePage } from "@/components/usePage";
import { PolicyEditor } from "./PolicyEditor";
import { useRightsTexts } from "./texts";

export default function NewPolicyPage() {
  const t = useRightsTexts();
  usePage(t("policyCreate"), [
    { text: t("policies"), href: "/policies" },
    { text: t("policyCreate"), href: "/policies/new" },
  ]);
  return <PolicyEditor />;
}
