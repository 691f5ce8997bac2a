// Text and bytes: UTF-8, hex, base64, and the globals that speak of them.
(function (tools) {
  "use strict";
  const meter = tools.meter, Bytes = Uint8Array, fromCharCode = String.fromCharCode, define = Object.defineProperty;
  const RealTypeError = TypeError, RealError = Error, at = String.prototype.charCodeAt;

  function utf8(text) {
    const bytes = new Bytes(text.length * 3), length = text.length;
    meter(length >> 2);
    let end = 0;
    for (let i = 0; i < length; i++) {
      let code = text.charCodeAt(i);
      if (code < 128) { bytes[end++] = code; continue; }
      if (code < 2048) { bytes[end++] = 192 | code >> 6; bytes[end++] = 128 | code & 63; continue; }
      if (code >= 0xd800 && code < 0xe000) {
        const low = code < 0xdc00 && i + 1 < length ? text.charCodeAt(i + 1) : 0;
        if (low >= 0xdc00 && low < 0xe000) {
          code = 0x10000 + (code - 0xd800 << 10) + low - 0xdc00; i++;
          bytes[end++] = 240 | code >> 18; bytes[end++] = 128 | code >> 12 & 63;
          bytes[end++] = 128 | code >> 6 & 63; bytes[end++] = 128 | code & 63;
          continue;
        }
        code = 0xfffd;
      }
      bytes[end++] = 224 | code >> 12; bytes[end++] = 128 | code >> 6 & 63; bytes[end++] = 128 | code & 63;
    }
    return bytes.slice(0, end);
  }
  // What is no UTF-8 is U+FFFD: one for each longest beginning of a character (WHATWG Encoding).
  function text(bytes, strict) {
    let out = "";
    const length = bytes.length;
    meter(length >> 2);
    for (let i = 0; i < length;) {
      const first = bytes[i++];
      if (first < 128) { out += fromCharCode(first); continue; }
      let need = first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : 0;
      let low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80, high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
      let code = need === 1 ? first & 31 : need === 2 ? first & 15 : first & 7, good = need > 0;
      for (; need > 0; need--) {
        const next = i < length ? bytes[i] : -1;
        if (next < low || next > high) { good = false; break; }
        code = code << 6 | next & 63; i++; low = 0x80; high = 0xbf;
      }
      if (!good) {
        if (strict) throw new RealTypeError("The encoded data was not valid");
        out += "\ufffd";
      } else if (code > 0xffff) {
        code -= 0x10000;
        out += fromCharCode(0xd800 + (code >> 10), 0xdc00 + (code & 1023));
      } else out += fromCharCode(code);
    }
    return out;
  }
  function unhex(given) {
    const digit = (code) => code >= 48 && code <= 57 ? code - 48 : code >= 65 && code <= 70 ? code - 55 : code >= 97 && code <= 102 ? code - 87 : -1;
    const bytes = new Bytes(given.length >> 1);
    meter(given.length >> 2);
    for (let i = 0; i < bytes.length; i++) {
      const high = digit(given.charCodeAt(2 * i)), low = digit(given.charCodeAt(2 * i + 1));
      if (high < 0 || low < 0) return bytes.slice(0, i);
      bytes[i] = high << 4 | low;
    }
    return bytes;
  }
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const VALUES = new Int8Array(128).fill(-1);
  for (let i = 0; i < 64; i++) VALUES[ALPHABET.charCodeAt(i)] = i;
  VALUES[45] = 62; VALUES[95] = 63;
  function unbase64(given) {
    // Both alphabets; what belongs to neither is passed over, and the first = ends it.
    const bytes = new Bytes((given.length * 3 >> 2) + 3);
    let held = 0, bits = 0, end = 0;
    meter(given.length >> 2);
    for (let i = 0; i < given.length; i++) {
      const code = given.charCodeAt(i);
      if (code === 61) break;
      const value = code < 128 ? VALUES[code] : -1;
      if (value < 0) continue;
      held = held << 6 | value; bits += 6;
      if (bits >= 8) { bits -= 8; bytes[end++] = held >> bits & 255; }
    }
    return bytes.slice(0, end);
  }
  function base64(bytes, isUrl) {
    let out = "";
    meter(bytes.length >> 2);
    for (let i = 0; i < bytes.length; i += 3) {
      const three = bytes[i] << 16 | (bytes[i + 1] | 0) << 8 | (bytes[i + 2] | 0), left = bytes.length - i;
      out += ALPHABET[three >> 18] + ALPHABET[three >> 12 & 63];
      out += left > 1 ? ALPHABET[three >> 6 & 63] : isUrl ? "" : "=";
      out += left > 2 ? ALPHABET[three & 63] : isUrl ? "" : "=";
    }
    return isUrl ? out.replace(/\+/g, "-").replace(/\//g, "_") : out;
  }
  const HEX = "0123456789abcdef";
  function hex(bytes) {
    let out = "";
    meter(bytes.length >> 2);
    for (let i = 0; i < bytes.length; i++) out += HEX[bytes[i] >> 4] + HEX[bytes[i] & 15];
    return out;
  }

  function encodingOf(name) {
    const known = name === undefined || name === null ? "utf8" : String(name).toLowerCase();
    if (known === "utf-8") return "utf8";
    return known === "utf8" || known === "hex" || known === "base64" || known === "base64url" ? known : "";
  }
  tools.encodingOf = encodingOf;
  tools.bytes = function (given, encoding) {
    switch (encodingOf(encoding)) {
      case "utf8": return utf8(given);
      case "hex": return unhex(given);
      case "base64": case "base64url": return unbase64(given);
      default: throw new RealTypeError('"' + encoding + '" encoding is not supported');
    }
  };
  tools.text = function (bytes, encoding) {
    switch (encodingOf(encoding)) {
      case "utf8": return tools.within(text(bytes));
      case "hex": return tools.within(hex(bytes));
      case "base64": return tools.within(base64(bytes, false));
      case "base64url": return tools.within(base64(bytes, true));
      default: throw new RealTypeError('"' + encoding + '" encoding is not supported');
    }
  };

  function put(object, name, value) {
    define(object, name, { value, writable: true, configurable: true });
  }
  function bytesIn(given) {
    if (given === undefined) return new Bytes(0);
    if (given instanceof Bytes) return given;
    if (given && given.buffer) return new Bytes(given.buffer, given.byteOffset, given.byteLength);
    return new Bytes(given);
  }
  return {
    // cloudfront-js-2.0
    texts() {
      class TextEncoder {
        get encoding() { return "utf-8"; }
        encode(given) { return utf8(given === undefined ? "" : String(given)); }
        encodeInto(given, into) {
          let read = 0, written = 0;
          for (const char of String(given)) {
            const bytes = utf8(char);
            if (written + bytes.length > into.length) break;
            for (let i = 0; i < bytes.length; i++) into[written++] = bytes[i];
            read += char.length;
          }
          return { read, written };
        }
      }
      class TextDecoder {
        #strict; #keep;
        constructor(label, options) {
          if (label !== undefined && !/^utf-?8$/i.test(label)) throw new RangeError('The "' + label + '" encoding is not supported');
          this.#strict = !!(options && options.fatal); this.#keep = !!(options && options.ignoreBOM);
        }
        get encoding() { return "utf-8"; }
        get fatal() { return this.#strict; }
        get ignoreBOM() { return this.#keep; }
        decode(given) {
          const out = text(bytesIn(given), this.#strict);
          return !this.#keep && out.charCodeAt(0) === 0xfeff ? out.slice(1) : out;
        }
      }
      put(globalThis, "TextEncoder", TextEncoder);
      put(globalThis, "TextDecoder", TextDecoder);
      put(globalThis, "btoa", function btoa(given) {
        const whole = String(given), bytes = new Bytes(whole.length);
        for (let i = 0; i < whole.length; i++) {
          const code = whole.charCodeAt(i);
          if (code > 255) throw new RealTypeError("invalid character (>= U+00FF)");
          bytes[i] = code;
        }
        return base64(bytes, false);
      });
      put(globalThis, "atob", function atob(given) {
        const whole = String(given).replace(/[\t\n\f\r ]/g, ""), bare = whole.length % 4 === 0 ? whole.replace(/={1,2}$/, "") : whole;
        if (bare.length % 4 === 1 || !/^[A-Za-z0-9+/]*$/.test(bare)) throw new RealTypeError("the input is not correctly encoded");
        const bytes = unbase64(bare);
        let out = "";
        for (let i = 0; i < bytes.length; i++) out += fromCharCode(bytes[i]);
        return out;
      });
    },
    // cloudfront-js-1.0: strings of bytes, a character each
    bytestrings() {
      const string = (bytes) => { let out = ""; for (let i = 0; i < bytes.length; i++) out += fromCharCode(bytes[i]); return out; };
      const array = (given) => {
        const bytes = new Bytes(given.length);
        for (let i = 0; i < given.length; i++) {
          const code = given.charCodeAt(i);
          if (code > 255) return null;
          bytes[i] = code;
        }
        return bytes;
      };
      put(String, "bytesFrom", function bytesFrom(given, encoding) {
        if (typeof given === "string") {
          if (encoding === undefined || !/^(hex|base64|base64url|utf-?8)$/.test(encoding)) throw new RealTypeError('Unknown encoding: "' + encoding + '"');
          return string(tools.bytes(given, encoding));
        }
        return string(Bytes.from(given));
      });
      put(String.prototype, "fromBytes", function fromBytes(start, end) {
        return String(this).slice(start === undefined ? 0 : start, end);
      });
      put(String.prototype, "fromUTF8", function fromUTF8(start, end) {
        const bytes = array(String(this).slice(start === undefined ? 0 : start, end));
        return bytes === null ? null : text(bytes);
      });
      put(String.prototype, "toBytes", function toBytes(start, end) {
        const part = String(this).slice(start === undefined ? 0 : start, end);
        return array(part) === null ? null : part;
      });
      put(String.prototype, "toUTF8", function toUTF8(start, end) {
        return string(utf8(String(this).slice(start === undefined ? 0 : start, end)));
      });
    },
  };
})
