// Who waits for the WebAssembly instance. A trap ends it, and all its futures with it.

// The promises that it owes, with what settles them.
const owed = new Map();
let tell;

function failAll() {
  const error = new Error("the instance ended");
  for (const [, fail] of owed.values()) fail(error);
  owed.clear();
}

/** For each instance, before it owes anything. */
export function whenEnded(listener) {
  // Of one that could not say that it ended.
  failAll();
  tell = listener;
}

export function ended() {
  tell();
  failAll();
}

export function begun() {
  let settle;
  const promise = new Promise((done, fail) => {
    settle = [done, fail];
  });
  owed.set(promise, settle);
  return promise;
}

export function done(promise, value) {
  const settle = owed.get(promise);
  owed.delete(promise);
  settle?.[0](value);
}

export function failed(promise, error) {
  const settle = owed.get(promise);
  owed.delete(promise);
  settle?.[1](error);
}
