// An Express application through serverless-express (CodeGenie), at origin-request.
'use strict';

const express = require('express');
const serverlessExpress = require('@codegenie/serverless-express');

const app = express();
app.disable('x-powered-by');
app.use(express.json());
app.get('/hello/:name', (request, response) => {
  response.type('text').send(`hello ${request.params.name} from ${request.query.from}`);
});
app.post('/json', (request, response) => response.status(201).json({ got: request.body }));

exports.handler = serverlessExpress({ app });
