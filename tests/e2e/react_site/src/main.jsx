import { createRoot } from "react-dom/client";
import Greeting from "./Greeting.jsx";

createRoot(document.getElementById("root")).render(<Greeting />);
