import "@cloudscape-design/global-styles/index.css";
import "./platform/theme/theme.generated.css";
import "./app/app.css";
import "./components/console.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
