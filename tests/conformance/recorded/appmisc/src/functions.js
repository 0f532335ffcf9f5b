// Routes with an empty prefix, worker deaths, timeouts and large values.
const { app } = require('@azure/functions');
const h = (name, route, o = {}) =>
  app.http(name, { methods: ['GET'], authLevel: 'anonymous', route, handler: async (r) => ({ body: name + ' ' + JSON.stringify(r.params) }), ...o });
h('p1', 'p/{a}');
h('p2', 'p/{b}');
h('q1', 'Q/x');
h('q2', 'q/X');
h('r2', 'r/{a}');
h('r1', 'r/{a:int}');
h('lead', '/lead');
h('adm', 'admin/x');
h('rt', 'runtime/x');
h('root', '{*rest}', { methods: ['DELETE'] });
h('multi1', 'mm', { methods: ['GET', 'POST'] });
h('multi2', 'mm', { methods: ['POST', 'PUT'] });
h('allm', 'allm', { methods: undefined });
h('empty', 'em', { methods: [] });
h('regex', 'rx/{a:regex(^\\d+$)}');
h('guid', 'gg/{id:guid}');
h('len', 'len/{s:maxlength(3)}');
h('dflt', 'df/{a=zz}');
h('alpha', 'al/{a:alpha}/{b:range(1,5)}');
h('file', 'f/{name}.{ext}');
h('noRouteName', undefined);
h('slow', 'slow', {
  handler: async () => {
    await new Promise((r) => setTimeout(r, 20000));
    return { body: 'late' };
  },
});
h('pid', 'pid', { handler: async () => ({ body: String(process.pid) }) });
h('crash', 'crash', {
  handler: async () => {
    setTimeout(() => {
      throw new Error('uncaught later');
    }, 10);
    await new Promise((r) => setTimeout(r, 1000));
    return { body: 'after' };
  },
});
h('unhandledRej', 'unhandledRej', {
  handler: async () => {
    Promise.reject(new Error('unhandled rej'));
    await new Promise((r) => setTimeout(r, 300));
    return { body: 'after rej' };
  },
});
