/** How French points back to what was said before. Every word is written folded. */
import type { ContextWords } from "../contextWords.ts";
import { list, phrases } from "../lists.ts";

const MODALS = new Set(
  list(`peux peut pouvez puis pouvons peuvent vais va allez veux veut voulez voudrais dois doit faut faudrait pour de
  a sans aimerais souhaite pourrais pourriez pourrait sais comment ou fais faire faites dois devoir`),
);
const SUBJECTS = new Set(list("y je tu il elle on nous vous ils elles ne"));
const INFINITIVE = /(?:er|ir|re)$/;

export const frenchContext = {
  recalls:
    phrases(`comme je disais|comme je vous disais|comme dit plus haut|vous avez dit|vous disiez|tu as dit|
    vous m avez dit|tout a l heure|ma question precedente|question d avant|reponse precedente|
    votre reponse|on parlait|dont on a parle|dont vous parlez|que vous avez cite|ci dessus|plus haut|
    repetez|reformulez|hein|pardon|pas compris|pas clair|le premier|la premiere|le second|la deuxieme|le deuxieme|
    le dernier|la derniere|la 2eme|le 2eme|le 2e|le 1er|la 1ere|la 2e|le troisieme|la troisieme|le 3eme|
    premiere option|deuxieme option|premier choix|vous aviez dit|m aviez dit|m aviez pourtant|
    aviez pourtant|avez pourtant|tu avais dit|tu m as dit|on m avait dit|pourtant dit|la precedente|
    le precedent|precedemment|juste avant|de tout a l heure|dont je parlais|que j ai dit|ce que j ai dit|
    ce que vous avez dit|ce que tu as dit|votre derniere|la reponse|cette option|cette solution|
    cet article|ce modele|ce produit|ce prix|ce delai|ces deux|ces trois|cette offre|l un ou l autre|
    le moins cher|la moins chere|les moins chers|le plus cher|c est lequel|c est laquelle|lequel est|
    laquelle est|a partir de quelle somme|a partir de quel montant|une limite|un minimum|un maximum|
    jusqu a combien|je parlais d|je parlais de|je parle de l autre|de l autre|les deux|dans ce cas|
    du coup|le meme|la meme|les memes|celui que|celle que|precisez|developpez|vous etes sur|c est sur|
    pourquoi ca|mais encore|c est a dire|comment ca|de quoi|lequel des deux|laquelle des deux|les autres|
    plus de details|plus d infos|plus d informations|dites m en plus|expliquez|pas d accord|
    vous etes serieux|serieusement|sans blague|sur et certain|c est fait|c est bon`),
  continuations:
    phrases(`et pour|et si|et en|et le|et la|et les|et avec|et sans|et a|et au|et sur|et quand|et combien|et ou|
    et comment|et il|et elle|et c|et mon|et ma|et vers|et est|et vous|ou bien|mais si|mais pour|meme pour|
    meme si|aussi pour|sinon|alors|donc|et|meme|quelle que soit|quel que soit|peu importe|seulement|
    uniquement|juste|sauf|mais|ou alors|ou sinon|ok et|ok mais|oui mais|non mais|d accord et|
    d accord mais|du coup|dans ce cas|et apres|et puis|pareil pour|idem pour|idem|pareil|comme quoi|
    par exemple|c est le|c est la|c est pour|c est quoi la difference|parce que|car|vu que|vers quel|
    a quel prix|a quelle heure|dans quel delai|dans combien|sous combien|a combien|en combien|
    jusqu a quand|depuis quand|pour combien|avec quoi|pour quoi|sur quoi|combien alors|combien exactement|
    combien de plus|pas avant|pas plus|pas moins|pas de|encore moins|encore plus|pourquoi si|pourquoi aussi|pourquoi autant|pourquoi tant|pourquoi pas`),
  pointers: {
    ends: new Set(list("aussi alors sinon exactement deja non egalement autrement")),
    prepositions: new Set(
      list("par avec sans pour en a dans vers chez depuis jusqu sur sous avant apres entre contre"),
    ),
    itIs: /^(?:c['’ ]?est|cest|c['’]etait|c['’]était|c (?!koi|quoi|ou|où|qui|combien|comment|possible|quand|kan|lequel|laquelle|normal)\p{L}+)$/iu,
    asksAnew: new Set(list("quoi ou qui quand possible lequel laquelle vous")),
    these: new Set(list("ce cet cette ces")),
    attributes: new Set(
      list(`prix tarif tarifs taille tailles couleur couleurs coloris poids dimension dimensions matiere delai delais stock
        garantie marque autonomie hauteur largeur longueur profondeur pointure pointures modele conditions reference`),
    ),
    days: new Set(list("matin soir midi nuit week weekend apres ete hiver moment annee que qui sont n est")),
  },
  newSubjects:
    phrases(`autre question|autre chose|rien a voir|au fait|par ailleurs|changement de sujet|changeons de sujet|
    une autre question|derniere chose|derniere question|question differente|j ai une question|
    sur un autre sujet|autre sujet|ah oui aussi|tant que j y suis|a part ca|a propos d autre chose|
    en fait je voulais`),
  interjections: new Set(
    list(`dommage ok okay oki daccord accord ah oh bon super merci mince zut bah ben non oui ouais parfait
    genial cool d hum euh hmm bonjour attends attendez desole pardon compris entendu`),
  ),
  modals: MODALS,
  infinitive: INFINITIVE,
  noAntecedents: new Set(
    list(`temps jour jours heure heures semaine semaines mois prix combien euros minutes fois moins partir savoir
    voudrais aimerais souhaite pouvez dites merci alors quand quelle quel avant apres encore toujours depuis`),
  ),
  pronouns: new Set(
    list("il elle ils elles celui celle ceux celles ca cela ceci lequel laquelle lesquels lesquelles  y lui"),
  ),
  demonstratives: new Set(list("ca cela ceci")),
  objectPronouns: new Set(list("le la les lui leur en")),
  // "l'envoyer", "l'ai".
  elidedObjectAt: (raw, tokens, at) => {
    const { word, start } = tokens[at];
    if (!/(?:^|\s)l['’]$/i.test(raw.slice(Math.max(0, start - 3), start))) return false;
    const before = tokens[at - 1]?.word ?? "";
    return (
      /^(?:ai|as|a|avez|avons|ont|avais|avoir)$/.test(word) ||
      (INFINITIVE.test(word) && (MODALS.has(before) || SUBJECTS.has(before) || /^(?:me|te|se)$/.test(before)))
    );
  },
  subjects: SUBJECTS,
  links: new Set(
    list(
      "et puis a ou alors bon encore tous toutes beaucoup vraiment infiniment aussi ok okay donc voila bcp allez",
    ),
  ),
  emptyPronouns: new Set(
    phrases(`il y a|il y avait|il y aura|il faut|il faudrait|il vous|il te|il est possible|est il possible|
    il est impossible|est il impossible|il est interdit|est il interdit|il est prevu|est il prevu|
    il est obligatoire|est il obligatoire|il est necessaire|est il necessaire|il est permis|est il permis|
    il est autorise|est il autorise|il est conseille|est il conseille|il est temps|est il temps|
    il est tard|est il tard|il est tot|est il tot|il est dit|est il dit|il est ecrit|est il ecrit|
    il est indique|est il indique|il est facile|est il facile|il est difficile|est il difficile|
    il est normal|est il normal|il possible|faut il|y a|il existe un|il existe une|il existe des|
    existe il|il me|il manque|reste il|suffit il|va il|il pleut|il neige|il fait|fait il|
    il est quelle heure|quelle heure est il|qui est il|il se passe|il parait|il semble|il arrive que|
    elle est ou|a il|y il`),
  ),
  howAreYou: new Set(["ca va"]),
} satisfies Partial<ContextWords>;
