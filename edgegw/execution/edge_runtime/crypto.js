// The module crypto: MD5, SHA-1, SHA-256 and HMAC with them, over bytes in typed arrays.
//
// Each hash is a function that mixes one block of 64 bytes into its state; padding is the same for
// all three but for the order of bytes (RFC 1321, FIPS 180-4; HMAC is RFC 2104).
(function (tools) {
  "use strict";
  const meter = tools.meter, freeze = tools.freeze;
  const imul = Math.imul, min = Math.min, Bytes = Uint8Array, Words = Int32Array, pow = Math.pow, sin = Math.sin, abs = Math.abs;
  const RealTypeError = TypeError, fromCharCode = String.fromCharCode;
  const floor = Math.floor;

  const K256 = new Words(64), KMD5 = new Words(64), W = new Words(80);
  (function () {
    let at = 0;
    for (let n = 2; at < 64; n++) {
      let prime = true;
      for (let d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break; }
      if (prime) { const r = pow(n, 1 / 3); K256[at++] = (r - floor(r)) * 4294967296 | 0; }
    }
    for (let i = 0; i < 64; i++) KMD5[i] = floor(abs(sin(i + 1)) * 4294967296) | 0;
  })();
  const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];

  function sha256(h, data, o) {
    const w = W, k = K256;
    for (let i = 0; i < 16; i++, o += 4) w[i] = data[o] << 24 | data[o + 1] << 16 | data[o + 2] << 8 | data[o + 3];
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15], y = w[i - 2];
      w[i] = w[i - 16] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ (x >>> 3)) + w[i - 7] +
        ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ (y >>> 10)) | 0;
    }
    let a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], p = h[7];
    for (let i = 0; i < 64; i++) {
      const t = p + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (e & f ^ ~e & g) + k[i] + w[i] | 0;
      const u = ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ a & c ^ b & c) | 0;
      p = g; g = f; f = e; e = d + t | 0; d = c; c = b; b = a; a = t + u | 0;
    }
    h[0] = h[0] + a | 0; h[1] = h[1] + b | 0; h[2] = h[2] + c | 0; h[3] = h[3] + d | 0;
    h[4] = h[4] + e | 0; h[5] = h[5] + f | 0; h[6] = h[6] + g | 0; h[7] = h[7] + p | 0;
  }
  function sha1(h, data, o) {
    const w = W;
    for (let i = 0; i < 16; i++, o += 4) w[i] = data[o] << 24 | data[o + 1] << 16 | data[o + 2] << 8 | data[o + 3];
    for (let i = 16; i < 80; i++) { const x = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16]; w[i] = x << 1 | x >>> 31; }
    let a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (let i = 0; i < 80; i++) {
      let f, k;
      if (i < 20) { f = b & c | ~b & d; k = 0x5a827999; }
      else if (i < 40) { f = b ^ c ^ d; k = 0x6ed9eba1; }
      else if (i < 60) { f = b & c | b & d | c & d; k = 0x8f1bbcdc; }
      else { f = b ^ c ^ d; k = 0xca62c1d6; }
      const t = (a << 5 | a >>> 27) + f + e + k + w[i] | 0;
      e = d; d = c; c = b << 30 | b >>> 2; b = a; a = t;
    }
    h[0] = h[0] + a | 0; h[1] = h[1] + b | 0; h[2] = h[2] + c | 0; h[3] = h[3] + d | 0; h[4] = h[4] + e | 0;
  }
  function md5(h, data, o) {
    const w = W, k = KMD5, s = SHIFTS;
    for (let i = 0; i < 16; i++, o += 4) w[i] = data[o] | data[o + 1] << 8 | data[o + 2] << 16 | data[o + 3] << 24;
    let a = h[0], b = h[1], c = h[2], d = h[3];
    for (let i = 0; i < 64; i++) {
      let f, g;
      if (i < 16) { f = b & c | ~b & d; g = i; }
      else if (i < 32) { f = d & b | ~d & c; g = (5 * i + 1) & 15; }
      else if (i < 48) { f = b ^ c ^ d; g = (3 * i + 5) & 15; }
      else { f = c ^ (b | ~d); g = (7 * i) & 15; }
      const t = a + f + k[i] + w[g] | 0, r = s[(i >> 4) * 4 + (i & 3)];
      a = d; d = c; c = b; b = b + (t << r | t >>> (32 - r)) | 0;
    }
    h[0] = h[0] + a | 0; h[1] = h[1] + b | 0; h[2] = h[2] + c | 0; h[3] = h[3] + d | 0;
  }
  const ALGORITHMS = {
    __proto__: null,
    md5: [md5, [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476], false],
    sha1: [sha1, [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0], true],
    sha256: [sha256, [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19], true],
  };
  const BLOCK_WORDS = 120;

  function algorithm(name) {
    const known = ALGORITHMS[name];
    if (!known) throw new RealTypeError('not supported algorithm: "' + name + '"');
    return known;
  }
  function start(known) {
    const state = new Words(known[1].length);
    for (let i = 0; i < state.length; i++) state[i] = known[1][i] | 0;
    return { known, state, rest: new Bytes(64), held: 0, length: 0 };
  }
  function feed(run, data) {
    const block = run.known[0];
    let at = 0;
    run.length += data.length;
    if (run.held) {
      const part = min(64 - run.held, data.length);
      for (let i = 0; i < part; i++) run.rest[run.held + i] = data[i];
      run.held += part; at = part;
      if (run.held < 64) return;
      meter(BLOCK_WORDS); block(run.state, run.rest, 0); run.held = 0;
    }
    for (; at + 64 <= data.length; at += 64) { meter(BLOCK_WORDS); block(run.state, data, at); }
    for (; at < data.length; at++) run.rest[run.held++] = data[at];
  }
  function end(run) {
    const [block, , isBig] = run.known, bits = run.length * 8, tail = run.rest;
    meter(BLOCK_WORDS);
    let at = run.held;
    tail[at++] = 128;
    if (at > 56) { while (at < 64) tail[at++] = 0; block(run.state, tail, 0); at = 0; }
    while (at < 56) tail[at++] = 0;
    const high = floor(bits / 4294967296), low = bits >>> 0;
    for (let i = 0; i < 4; i++) {
      tail[56 + i] = isBig ? high >>> (24 - 8 * i) : low >>> (8 * i);
      tail[60 + i] = isBig ? low >>> (24 - 8 * i) : high >>> (8 * i);
    }
    block(run.state, tail, 0);
    const digest = new Bytes(run.state.length * 4);
    for (let i = 0; i < digest.length; i++) digest[i] = run.state[i >> 2] >>> (isBig ? 24 - 8 * (i & 3) : 8 * (i & 3));
    return digest;
  }

  const HEX = "0123456789abcdef";
  const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  function encoded(bytes, encoding) {
    let text = "";
    if (encoding === undefined) {
      if (tools.version() === "2.0") return tools.require("buffer").from(bytes);
      for (let i = 0; i < bytes.length; i++) text += fromCharCode(bytes[i]);
      return text;
    }
    if (encoding === "hex") {
      for (let i = 0; i < bytes.length; i++) text += HEX[bytes[i] >> 4] + HEX[bytes[i] & 15];
      return text;
    }
    if (encoding !== "base64" && encoding !== "base64url") throw new RealTypeError('Unknown digest encoding: "' + encoding + '"');
    for (let i = 0; i < bytes.length; i += 3) {
      const three = bytes[i] << 16 | (bytes[i + 1] | 0) << 8 | (bytes[i + 2] | 0), left = bytes.length - i;
      text += BASE64[three >> 18] + BASE64[three >> 12 & 63];
      text += left > 1 ? BASE64[three >> 6 & 63] : "=";
      text += left > 2 ? BASE64[three & 63] : "=";
    }
    return encoding === "base64" ? text : text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  }
  function bytesOf(data, encoding) {
    if (typeof data === "string") return tools.bytes(data, encoding);
    if (data instanceof Bytes) return data;
    if (data !== null && typeof data === "object" && typeof data.byteLength === "number")
      return data.buffer ? new Bytes(data.buffer, data.byteOffset, data.byteLength) : new Bytes(data);
    throw new RealTypeError("data is not a string or Buffer-like object");
  }
  class Hash {
    #run; #outer; #done = false;
    constructor(run, outer) { this.#run = run; this.#outer = outer; }
    update(data, encoding) {
      if (this.#done) throw new RealTypeError("Digest already called");
      feed(this.#run, bytesOf(data, encoding));
      return this;
    }
    digest(encoding) {
      if (this.#done) throw new RealTypeError("Digest already called");
      this.#done = true;
      let digest = end(this.#run);
      if (this.#outer) { feed(this.#outer, digest); digest = end(this.#outer); }
      return encoded(digest, encoding);
    }
  }
  return freeze({
    createHash(name) { return new Hash(start(algorithm(name))); },
    createHmac(name, given) {
      const known = algorithm(name), inner = start(known), outer = start(known);
      let key = bytesOf(given);
      if (key.length > 64) { const run = start(known); feed(run, key); key = end(run); }
      const pad = new Bytes(64);
      for (let i = 0; i < 64; i++) pad[i] = (key[i] | 0) ^ 0x36;
      feed(inner, pad);
      for (let i = 0; i < 64; i++) pad[i] = (key[i] | 0) ^ 0x5c;
      feed(outer, pad);
      return new Hash(inner, outer);
    },
  });
})
