export const greeting = (name) => `hello from vite through the ${name}`;
