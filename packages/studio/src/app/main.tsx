import "./styles/base.css";
import "./styles/layout.css";
import { render } from "preact";
import { App } from "./app.tsx";
import { start } from "./state.ts";

render(<App />, document.getElementById("app")!);
void start();
