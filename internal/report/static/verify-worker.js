// The verifier in a thread of its own, so that the page stays alive. It fetches
// below the published directory and nowhere else, and sends nothing.
import "./wasm_exec.js";

let ready;

// start loads the program: the very one that the command vitrine-verify is.
async function start() {
  const answer = await fetch(new URL("verify.bin", import.meta.url));
  if (!answer.ok) throw new Error("verify.bin: " + answer.status);
  let bytes = new Uint8Array(await answer.arrayBuffer());
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) { // else something on the way unpacked it
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    bytes = new Uint8Array(await new Response(plain).arrayBuffer());
  }
  const go = new Go();
  const { instance } = await WebAssembly.instantiate(bytes, go.importObject);
  go.run(instance);
  return globalThis.vitrineVerify;
}

// files fetches from a published directory; null is a file that is not there. Where
// a host redirects, as many do from index.html, it must stay at the same origin.
function files(root) {
  return async (path) => {
    const url = root + path.split("/").map(encodeURIComponent).join("/");
    const fixed = path.includes("/tile/") && !path.includes(".p/");
    const answer = await fetch(url, { cache: fixed ? "default" : "no-cache", mode: "same-origin", credentials: "omit" });
    if (answer.status === 404 || answer.status === 410) return null;
    if (!answer.ok) throw new Error(answer.status + " " + answer.statusText);
    return new Uint8Array(await answer.arrayBuffer());
  };
}

onmessage = async ({ data }) => {
  const { id, kind, root, question } = data;
  try {
    ready ??= start();
    const verify = await ready;
    if (kind === "load") return void await verify.receipt(question);
    const began = performance.now();
    const result = JSON.parse(await verify[kind]({
      ...question,
      fetch: root && files(root),
      progress: (done, total) => postMessage({ id, done, total }),
    }));
    postMessage({ id, result, took: performance.now() - began });
  } catch (e) {
    ready = undefined; // the next question starts anew
    if (id) postMessage({ id, result: { verified: false, failed: true, reason: String(e.message || e) } });
  }
};
