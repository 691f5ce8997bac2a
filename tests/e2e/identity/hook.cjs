// cognito-at-edge (AWS Labs) as its documentation has it: nothing here knows of this machine.
"use strict";
const { Authenticator } = require("cognito-at-edge");

const authenticator = new Authenticator({
  region: "eu-west-1",
  userPoolId: "eu-west-1_Example1",
  userPoolAppId: "web",
  userPoolDomain: "example.auth.eu-west-1.amazoncognito.com",
  disableCookieDomain: true,
  httpOnly: true,
});
exports.handler = async (event) => authenticator.handle(event);
