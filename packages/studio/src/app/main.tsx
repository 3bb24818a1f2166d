import { render } from "preact";
import { App } from "./app.tsx";
import { start } from "./state.ts";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/views.css";

render(<App />, document.getElementById("app")!);
void start();
