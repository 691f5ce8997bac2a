// cognito-at-edge (AWS Labs) as anybody would use it, but for the identity provider, which is local:
// its certificate and its keys are read from files instead of being fetched from AWS.
'use strict';

const fs = require('node:fs');
const https = require('node:https');
const path = require('node:path');
const { Authenticator } = require('cognito-at-edge');

const read = (name) => fs.readFileSync(path.join(__dirname, name), 'utf8');
const { domain } = JSON.parse(read('provider.json'));
https.globalAgent.options.ca = read('ca.pem');

const authenticator = new Authenticator({
  region: 'us-east-1',
  userPoolId: 'us-east-1_Example',
  userPoolAppId: 'client',
  userPoolAppSecret: 'secret',
  userPoolDomain: domain,
  disableCookieDomain: true,
  httpOnly: true,
});
authenticator._jwtVerifier.cacheJwks(JSON.parse(read('jwks.json')));

exports.handler = async (event) => authenticator.handle(event);
