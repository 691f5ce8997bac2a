import { sep } from "node:path";

export const handler = async (event) => ({ esm: true, sep, event });
