// An echo server on the package ws. The path says how it ends: /code, /plain, /abrupt.
const { WebSocketServer } = require(process.argv[2]);

const server = new WebSocketServer({
  port: 0,
  host: "127.0.0.1",
  maxPayload: 64 << 20,
  perMessageDeflate: true,
  handleProtocols: (offered) => (offered.has("chat") ? "chat" : false),
});
server.on("listening", () => console.log(server.address().port));
server.on("connection", (socket, request) => {
  socket.on("message", (data, isBinary) => {
    const text = isBinary ? "" : data.toString();
    if (text === "end") {
      if (request.url === "/code") socket.close(4004, "as asked");
      else if (request.url === "/plain") socket.close();
      else socket.terminate();
    } else if (text === "ping me") socket.ping("are you there");
    else if (text === "in pieces") {
      socket.send("one ", { fin: false });
      socket.send("", { fin: false });
      socket.send("two", { fin: true });
    } else if (text === "how did it end") socket.send(JSON.stringify(ended));
    else socket.send(data, { binary: isBinary });
  });
  socket.on("pong", (data) => socket.send(`pong ${data}`));
  socket.on("close", (code, reason) => ended.push([code, reason.toString()]));
});
const ended = [];
