// A small application on Hono behind a function URL: whole answers, and a stream.
import { Hono } from 'hono';
import { handle, streamHandle } from 'hono/aws-lambda';
import { setCookie } from 'hono/cookie';
import { streamText } from 'hono/streaming';

const app = new Hono();

app.get('/hello/:name', (context) => context.text(`hello ${context.req.param('name')}`));
app.get('/cookies', (context) => {
  setCookie(context, 'a', '1');
  setCookie(context, 'b', '2');
  return context.redirect('/there');
});
app.post('/json', async (context) => context.json({ got: await context.req.json() }, 201));
app.get('/ticks', (context) =>
  streamText(context, async (stream) => {
    for (const tick of ['one', 'two']) {
      await stream.writeln(tick);
      await stream.sleep(50);
    }
  }),
);

export const handler = handle(app);
export const streaming = streamHandle(app);
