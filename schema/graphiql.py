"""The GraphiQL page, for development and the demo. Its files come from a CDN."""

from __future__ import annotations

from typing import Final

GRAPHIQL_PAGE: Final = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Hexiao GraphiQL</title>
<link rel="stylesheet" href="https://unpkg.com/graphiql@3.9.0/graphiql.min.css">
<style>body, #graphiql { height: 100vh; margin: 0 }</style>
</head>
<body>
<div id="graphiql">GraphiQL's files come from unpkg.com.</div>
<script src="https://unpkg.com/react@18.3.1/umd/react.production.min.js"></script>
<script src="https://unpkg.com/react-dom@18.3.1/umd/react-dom.production.min.js"></script>
<script src="https://unpkg.com/graphiql@3.9.0/graphiql.min.js"></script>
<script>
const socket = location.origin.replace(/^http/, "ws") + location.pathname;
const fetcher = GraphiQL.createFetcher({ url: location.pathname, legacyWsClient: null, subscriptionUrl: socket });
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, { fetcher, defaultEditorToolsVisibility: "headers" }));
</script>
</body>
</html>
"""
