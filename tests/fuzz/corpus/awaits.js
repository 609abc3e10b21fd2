await 1; for await (const x of y); const f = async () => { await x; }; function g() { await }
