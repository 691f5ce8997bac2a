import Counter from "./counter";

export default function Page() {
  return (
    <main>
      <h1 id="title">first words</h1>
      <Counter />
    </main>
  );
}
