(text => {
  const found = new DOMParser().parseFromString(text, "application/xml");
  const error = found.querySelector("parsererror");
  if (error) throw new Error(error.textContent);
  const told = element => ({
    name: element.localName,
    namespace: element.namespaceURI,
    attributes: Object.fromEntries([...element.attributes].map(it => [it.name, it.value])),
    text: element.children.length ? "" : element.textContent,
    children: [...element.children].map(told),
  });
  return told(found.documentElement);
})
