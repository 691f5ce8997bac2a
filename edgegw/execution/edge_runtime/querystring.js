// The module querystring, as Node.js has it.
(function (tools) {
  "use strict";
  const meter = tools.meter, freeze = tools.freeze, keys = Object.keys, isArray = Array.isArray;
  const component = encodeURIComponent, fromCodePoint = String.fromCodePoint, finite = isFinite;
  const RealError = URIError;

  function unescape(text) {
    text = String(text);
    meter(text.length >> 3);
    if (text.indexOf("%") < 0) return text;
    // Bytes, then UTF-8 with U+FFFD in the place of what is none.
    const bytes = [], whole = tools.bytes(text);
    const digit = (at) => {
      const code = whole[at];
      if (code >= 48 && code <= 57) return code - 48;
      if (code >= 65 && code <= 70) return code - 55;
      if (code >= 97 && code <= 102) return code - 87;
      return -1;
    };
    for (let at = 0; at < whole.length; at++) {
      if (whole[at] === 37) {
        const high = digit(at + 1), low = digit(at + 2);
        if (high >= 0 && low >= 0) { bytes.push(high << 4 | low); at += 2; continue; }
      }
      bytes.push(whole[at]);
    }
    return tools.text(new Uint8Array(bytes));
  }
  const FREE = /^[A-Za-z0-9\-_.!~*'()]*$/;
  function escape(text) {
    text = typeof text === "string" ? text : typeof text === "object" ? String(text) : text + "";
    meter(text.length >> 3);
    return FREE.test(text) ? text : component(text);
  }
  function value(given, encode) {
    switch (typeof given) {
      case "string": return encode(given);
      case "number": return finite(given) ? encode("" + given) : "";
      case "boolean": return given ? "true" : "false";
      default: return "";
    }
  }
  function stringify(object, separator, equal, options) {
    const between = separator || "&", is = equal || "=";
    const encode = options && typeof options.encodeURIComponent === "function" ? options.encodeURIComponent : module.escape;
    if (object === null || typeof object !== "object") return "";
    const parts = [];
    for (const key of keys(object)) {
      const name = encode(key) + is, given = object[key];
      meter(8);
      if (isArray(given)) for (let i = 0; i < given.length; i++) parts.push(name + value(given[i], encode));
      else parts.push(name + value(given, encode));
    }
    return parts.join(between);
  }
  function parse(text, separator, equal, options) {
    const found = Object.create(null);
    if (typeof text !== "string" || text.length === 0) return found;
    const between = separator || "&", is = equal || "=";
    const decode = options && typeof options.decodeURIComponent === "function" ? options.decodeURIComponent : module.unescape;
    let most = options && typeof options.maxKeys === "number" ? options.maxKeys : 1000;
    if (most <= 0) most = Infinity;
    const read = (part) => {
      const plain = part.replace(/\+/g, " ");
      try { return decode(plain); } catch (error) { tools.caught(error); return unescape(plain); }
    };
    for (const part of text.split(between)) {
      if (!part) continue;
      if (most-- <= 0) break;
      meter(12);
      const at = part.indexOf(is);
      const key = read(at < 0 ? part : part.slice(0, at)), given = at < 0 ? "" : read(part.slice(at + is.length));
      if (!(key in found)) found[key] = given;
      else if (isArray(found[key])) found[key].push(given);
      else found[key] = [found[key], given];
    }
    return found;
  }
  const module = { parse, stringify, decode: parse, encode: stringify, escape, unescape };
  return freeze(module);
})
