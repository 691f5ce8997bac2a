const serverlessExpress = require("@codegenie/serverless-express");
const express = require("express");

const app = express();
app.set("trust proxy", true);
app.use(express.json());
app.get("/items/:name", (request, response) => {
  const { tag, limit } = request.query;
  const cookies = Object.fromEntries(
    (request.headers.cookie || "").split("; ").filter(Boolean).map((each) => each.split("=")),
  );
  response.json({
    name: request.params.name,
    limit: Number(limit || 10),
    all: [].concat(tag || []),
    host: request.headers.host,
    scheme: request.protocol,
    cookies,
  });
});
app.post("/items", (request, response) => response.json({ got: request.body }));
app.get("/cookies", (request, response) => {
  response.cookie("a", "1").cookie("b", "2").send("set");
});
app.get("/bytes", (request, response) => {
  response.type("image/png").send(Buffer.from([0, 255, 1, 254]));
});
app.use((request, response) => response.status(404).send("nothing here"));

exports.handler = serverlessExpress({ app });
