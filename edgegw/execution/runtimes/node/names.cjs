// Names that lead to places on this machine, in the function's own process.
//
// `gateway.hosts` leads the requests of distributions. A function that asks such a name itself, for
// a token or a key set, finds the same place: all clients in Node.js connect a `net.Socket`, `tls`
// included. The name in TLS and in `Host` stays, so certificates are checked against it.
"use strict";

const net = require("node:net");

// `places` are [name, port, host, port here]; a name with a dot in front is all below it.
function lead(places) {
  const placeOf = (host, port) => {
    const name = String(host).toLowerCase().replace(/\.$/, "");
    return places.find(([known, at]) =>
      at === Number(port) && (known[0] === "." ? name.endsWith(known) : name === known));
  };
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...given) {
    // Options as they are, or in the list that `net.connect` and `tls.connect` make of theirs.
    const listed = Array.isArray(given[0]);
    const options = listed ? given[0][0] : given[0];
    if (options !== null && typeof options === "object" && options.host && !options.path) {
      const place = placeOf(options.host, options.port);
      if (place) {
        const led = { ...options, host: place[2], port: place[3] };
        if (listed) given[0][0] = led;
        else given[0] = led;
      }
    } else if (!listed && typeof given[1] === "string") { // connect(port, host)
      const place = placeOf(given[1], given[0]);
      if (place) [given[0], given[1]] = [place[3], place[2]];
    }
    return connect.apply(this, given);
  };
}

module.exports = { lead };
