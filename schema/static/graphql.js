// The two ways to talk to the endpoint: one POST per operation, one WebSocket for what changes.

const endpoint = new URL("graphql", document.baseURI);

export async function post(query, variables, token, language) {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/graphql-response+json, application/json",
      "Accept-Language": language,
      Authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

// graphql-transport-ws with one subscription. Comes back by itself and resumes after the last event it has seen.
export function watch(query, variables, token, listener) {
  let socket;
  let cursor = null;
  let closed = false;
  let timer;

  function open() {
    const address = new URL(endpoint);
    address.protocol = address.protocol.replace("http", "ws");
    socket = new WebSocket(address, "graphql-transport-ws");
    socket.onopen = () => send({ type: "connection_init", payload: { Authorization: `Bearer ${token}` } });
    socket.onmessage = (message) => receive(JSON.parse(message.data));
    socket.onclose = (event) => {
      listener.state(false);
      // 4401: the token is not accepted, so coming back would not help.
      if (!closed && event.code !== 4401) timer = setTimeout(open, 1500);
    };
  }

  function send(message) {
    socket.send(JSON.stringify(message));
  }

  function receive(message) {
    if (message.type === "ping") send({ type: "pong" });
    if (message.type === "connection_ack") {
      send({ id: "1", type: "subscribe", payload: { query, variables: { ...variables, after: cursor } } });
      listener.state(true);
    }
    if (message.type === "next") {
      cursor = message.payload.extensions?.cursor ?? cursor;
      listener.next(message.payload);
    }
    if (message.type === "error") listener.error(message.payload);
  }

  open();
  return () => {
    closed = true;
    clearTimeout(timer);
    socket.close(1000);
  };
}
