a: for (const x of y) { b: while (1) { continue a; break b } switch (x) { case 1: break; default: { return } } }
