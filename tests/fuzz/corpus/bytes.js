/* ÿ */ import 'a' // â€¨ export
<!-- x
\u0061wait: 1