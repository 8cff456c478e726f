// Takes steps as lines of JSON: see `certified_client.py`, which has them.
import { createInterface } from "node:readline/promises";

// `steps` has a function by each step's name; `refusal` makes `{error, said}` of what one threw.
export async function takeSteps(steps, refusal) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { step, ...given } = JSON.parse(line);
    const answer = await Promise.resolve()
      .then(() => steps[step](given))
      .then((gave) => ({ gave }), (error) => ({ refused: refusal(error) }));
    console.log(JSON.stringify(answer));
  }
}
