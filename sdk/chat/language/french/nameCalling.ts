/** Insults that no list can hold, because any noun will do: told by the words that lead up to it. Words are folded. */

/**
 * "espèce de vieille chouette", "bande de charlatans", "t'es qu'une grosse quiche": whatever noun follows is meant as an
 * insult. With an article ("une espèce de bouton", "la bande de roulement") it is a kind or a strip of something.
 */
export function calledNames(words: readonly { word: string }[], at: number): number {
  const [first, second, third, fourth] = [0, 1, 2, 3].map((k) => words[at + k]?.word ?? "");
  const before = words[at - 1]?.word ?? "";
  const alone = !/^(?:une?|la|les?|des|cette|ces|quelle|cet|l|notre|nos|par|en|avec|de|d|a|pour)$/.test(
    before,
  );
  if (alone && /^(?:especes?|bandes?)$/.test(first) && /^(?:de|d)$/.test(second) && !NO_NAMES.has(third)) {
    if (!/^[a-z]{3,}$/.test(third)) return 0;
    return ADJECTIVES.has(third) && fourth !== "" ? 4 : 3;
  }
  // A "ramassis" is one of people that are despised, whatever they are called.
  if (
    /^(?:ramassis|brochette|troupeau|clique)$/.test(first) &&
    /^(?:de|d)$/.test(second) &&
    /^[a-z]{3,}$/.test(third)
  )
    return NO_NAMES.has(third) || EATEN.test(third) ? 0 : 3;
  const thrown = /^(?:es|t|etes)$/.test(first) && /^(?:qu|que|rien)$/.test(second);
  if (!thrown || !/^(?:une?|des|d|de)$/.test(third)) return 0;
  return ADJECTIVES.has(fourth) && words[at + 4] !== undefined ? 5 : 0;
}

const EATEN =
  /^(?:boeuf|agneau|poulet|porc|legumes?|crevettes?|fruits?|moutons?|vaches?|viandes?|poissons?)$/;

const ADJECTIVES = new Set(
  "gros grosse grosses sale sales pauvre pauvres vieux vieille vieilles petit petite petits petites".split(
    " ",
  ),
);

/** What bands and species are made of where nobody is meant. */
const NO_NAMES = new Set(
  `led leds tissu tissus papier roulement gaze cuir velcro caoutchouc selle resistance resistances cire frequence finition film
  lancement plante plantes fleur fleurs arbre arbres animal animaux oiseau oiseaux poisson poissons bois rive adhesif scotch
  metal mousse protection massage isolation chant terre`.split(/\s+/),
);
