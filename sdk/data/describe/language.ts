/** The language of a text, by its most frequent small words. */

const words: Record<string, string> = {
  fr: "le la les un une des de du et est en que qui dans pour pas vous je nous votre vos mon ma ce cette il elle sur avec au aux ne quel quelle comment où sont être puis-je bonjour merci oui non",
  en: "the a an of and is in to that for not you i we your my this it on with are be was what how where do does can will from hello thanks yes no have at or by if",
  es: "el la los las un una de y es en que para no usted mi su con por como qué dónde está son hola gracias sí del al se lo",
  de: "der die das ein eine und ist in zu den nicht sie ich wir ihr mein mit für auf von wie was wo sind hallo danke ja nein im dem es",
  it: "il lo la gli le un una di e è in che per non lei mi suo con come cosa dove sono ciao grazie sì del alla si",
  pt: "o a os as um uma de e é em que para não você meu seu com por como onde são olá obrigado sim do da no na se",
  nl: "de het een en is in dat van voor niet u ik wij uw mijn met op hoe wat waar zijn hallo dank ja nee te er",
};
const languages = Object.entries(words).map(([language, list]) => ({
  language,
  words: new Set(list.split(" ")),
}));

/** @returns a code of ISO 639-1, or "unknown" where the text does not say */
export function languageOf(text: string): string {
  const tokens =
    text
      .toLowerCase()
      .match(/[\p{L}-]+/gu)
      ?.slice(0, 400) ?? [];
  const scores = languages
    .map(({ language, words }) => ({ language, score: tokens.filter((token) => words.has(token)).length }))
    .sort((a, b) => b.score - a.score);
  const [first, second] = scores;
  // One word in common may be chance; two languages with the same score are a guess.
  const enough = first.score >= 2 || (first.score === 1 && tokens.length <= 4);
  return enough && first.score > second.score ? first.language : "unknown";
}
