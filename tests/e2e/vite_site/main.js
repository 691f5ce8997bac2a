import { greeting } from "./greeting.js";
import "./style.css";

document.getElementById("title").textContent = greeting("edge");
