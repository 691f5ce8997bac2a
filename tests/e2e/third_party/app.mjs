// A small application on Hono, answered at origin-request by Hono's own adapter.
import { Hono } from 'hono';
import { handle } from 'hono/lambda-edge';
import { setCookie } from 'hono/cookie';

const app = new Hono();

app.get('/hello/:name', (context) => context.text(`hello ${context.req.param('name')}`));
app.get('/json', (context) => context.json({ query: context.req.query('q') }, 201));
app.get('/cookies', (context) => {
  setCookie(context, 'a', '1');
  setCookie(context, 'b', '2');
  return context.redirect('/there');
});
app.post('/form', async (context) => {
  const form = await context.req.parseBody();
  return context.html(`<p>${form.name}</p>`);
});
app.get('/bytes', (context) => {
  context.header('Content-Type', 'image/png');
  return context.body(new Uint8Array([0, 255, 1, 254]).buffer);
});

export const handler = handle(app);
