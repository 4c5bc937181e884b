// What is known in this visit. It lives as long as the page and is kept nowhere.

/**
 * made: the key of this visit, { key, asked, request, handOver, saved };
 * fileKey: a key from a file, { key, asked, name };
 * answer: { input, read, name }; asked: what a request file says was asked for;
 * cluster: a file that told of the cluster, { name }, and typed: what is known of it;
 * things: everything that was handed to the page, { name, bytes, kind };
 * visit: what was begun before everything was forgotten, ends when it is not this one any more;
 * sent: whether the person said so; finished: the kubeconfig as it was last saved.
 */
export const state = empty();

function empty() {
  return {
    made: null, fileKey: null, answer: null, asked: null, cluster: null, things: [], sent: false, finished: null, visit: {},
    typed: { server: "", ca: "", "cluster-name": "kubernetes", namespace: "" },
    form: { user: "", groups: "", expires: "30d", "key-type": "p256", signer: "kubernetes.io/kube-apiserver-client" },
  };
}

/** As if the page had just been opened. */
export function forget() {
  Object.assign(state, empty());
}

/** Whether there is a key that would be lost if the page went away now. */
export function keyAtRisk() {
  return state.made !== null && !state.made.saved;
}

/** The key that counts: one from a file before the one that was made here. */
export function keyAtHand() {
  return state.fileKey ?? state.made;
}
