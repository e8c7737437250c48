/** The texts in the language that the server chose for this page. */
export const { texts } = await import(`./texts/${document.documentElement.lang}.js`);
