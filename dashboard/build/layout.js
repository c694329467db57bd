// The frame around every page: head, header with the demo's banner, footer with the snapshot.
import path from "node:path";

const NAVIGATION = [
  ["dashboard/", "Overview"],
  ["dashboard/leaderboard/", "Leaderboard"],
  ["dashboard/curves/", "Training curves"],
  ["dashboard/sql/", "SQL"],
  ["paper/", "Paper"],
];

const MARK = `<svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
  <path d="M5 6 12 12 19 5M12 12v7M5 6v9l7 4 7-6V5" /><circle cx="5" cy="6" r="2.2" /><circle cx="19" cy="5" r="2.2" />
  <circle cx="12" cy="12" r="2.6" class="hub" /><circle cx="12" cy="19" r="2.2" /></svg>`;

/** A Vite plugin that puts the frame around each page below `root`. */
export function pageLayout(root, manifest) {
  return {
    name: "kd-gat-layout",
    transformIndexHtml: {
      order: "pre",
      handler(html, { filename }) {
        const page = path.relative(root, filename).split(path.sep).join("/");
        const { head, header, footer } = layoutOf(page, manifest);
        const up = "../".repeat(page.split("/").length);
        const style = `<link rel="stylesheet" href="${up}style.css">`;
        return html
          .replace("</head>", `${head}${style}\n</head>`)
          .replace(/<body([^>]*)>/, (tag) => `${tag}\n${header}`)
          .replace("</body>", `${footer}\n</body>`);
      },
    },
  };
}

/** Head, header and footer of the page at that path below the site's root. */
export function layoutOf(page, manifest) {
  const up = "../".repeat(page.split("/").length - 1) || "./";
  return { head: head(up, manifest), header: header(page, up, manifest), footer: footer(up, manifest) };
}

function head(up, { snapshot }) {
  return `<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="kdgat:root" content="${up}">
<meta name="kdgat:snapshot" content="${snapshot.id}">
<link rel="icon" href="${up}icon.svg" type="image/svg+xml" vite-ignore>
<script src="${up}guard.js" vite-ignore></script>
`;
}

function header(page, up, { is_demo }) {
  const links = NAVIGATION.map(([target, label]) => {
    const current = page === `${target}index.html` ? ' aria-current="page"' : "";
    return `<li><a href="${up}${target}"${current}>${label}</a></li>`;
  });
  return `<a class="skip" href="#main">Skip to content</a>
<header class="site-header">
  <a class="brand" href="${up}">${MARK}<span>KD-GAT</span></a>
  <nav aria-label="Pages"><ul>${links.join("")}</ul></nav>
</header>
${is_demo ? banner() : ""}<div id="failures"></div>
<noscript><p class="failure">This page draws its tables in your browser: please allow JavaScript from this site.
The numbers themselves lie in <code>data/*.parquet</code> beside it.</p></noscript>
`;
}

function banner() {
  return `<aside class="demo" aria-label="Demo"><p><strong>Demo numbers, not results.</strong>
These models were trained for minutes on a small bundled excerpt, to show the walk from a recording to this page.</p></aside>
`;
}

function footer(up, { snapshot }) {
  return `<footer class="site-footer">
<p>Every number on these pages comes from one snapshot of the lake:
<a href="${up}dashboard/#files"><code title="${snapshot.id}">${snapshot.id.slice(0, 12)}</code></a>, frozen
<time datetime="${snapshot.created_at}">${snapshot.created_at.slice(0, 16).replace("T", " ")} UTC</time>.</p>
</footer>`;
}
