// What to do about a package that is missing here and would be there on AWS, where the SDK is part of
// the runtime. Here it is the project's, as every package is.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const OF_THE_RUNTIME = /Cannot find (?:package|module) '(@(?:aws-sdk|smithy)\/[^'/]+)/;

// A sentence about a fault; empty where there is nothing to say.
exports.missingPackage = function missingPackage(fault, root) {
  if (!fault || (fault.code !== "MODULE_NOT_FOUND" && fault.code !== "ERR_MODULE_NOT_FOUND")) return "";
  const name = OF_THE_RUNTIME.exec(String(fault.message))?.[1];
  if (name === undefined) return "";
  return `${name} is part of Lambda's runtime, but not of this one: install it (npm install --save-dev ${name}) in ${projectOf(root)}`;
};

// The nearest folder with a package.json, else the code folder.
function projectOf(root) {
  for (let folder = root; ; folder = path.dirname(folder)) {
    if (fs.existsSync(path.join(folder, "package.json"))) return folder;
    if (folder === path.dirname(folder)) return root;
  }
}
