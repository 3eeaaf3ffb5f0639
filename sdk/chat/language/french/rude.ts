/** Insults and threats in French, folded. */
import { list, phrases } from "../lists.ts";
import type { RudeWords } from "../rudeWords.ts";
import { calledNames } from "./nameCalling.ts";

export const frenchRude: RudeWords = {
  insults:
    list(`enflure enflures merdasse bolos bolosse boloss cassos pouilleux pignouf pignoufs fiotte fiottes connard
      connards connasse connasses conard conasse connar encule encules enculer enfoire enfoires salaud salauds salop
      salops salope salopes salopard salopards saloperie pute putes putain putains putin ptn ptain fdp ntm vtff
      abruti abrutis abrutie abruties cretin cretins cretine cretines imbecile imbeciles imbecil batard batards
      batarde bouffon bouffons bouffonne petasse petasses pouffiasse pouffiasses grognasse trouduc trouducul
      trouduque niquer nique niquez niquent nik tocard tocards tocarde raclure raclures crevure crevures pedale pede
      pedes tarlouze gouine bougnoule negro youpin bicot tepu emmerde emmerdes emmerdez emmerdent emmerdeur
      emmerdeurs merdique merdiques merdeux couille couilles couillon couillons branleur branleurs branleuse ducon
      duconne conneries connerie gogol mongolien debilos teube teubes tebe glandu glandus enfoirees enfoiree
      baltringue baltringues branquignol branquignols tarba fdps suceur suceurs suceuse tetedeneu connaud saligaud
      saligauds chiasse chieur chieurs chieuse foutage`),
  swearing: list(
    `putain putains putin ptn ptain connerie conneries merdique merdiques couille couilles saloperie chiasse`,
  ),
  shortInsults: list(`tg pd`),
  modelWords: list("le la un une du modele ref reference type serie marque moteur"),
  phrases:
    phrases(`ta gueule|vos gueules|ferme la|fermez la|ferme ta gueule|fermez vos gueules|va te faire|allez vous faire voir|
      allez tous vous faire|allez tous vous|allez bien vous faire|pauvre type|pauvres types|pauvre mec|pauvre fille|
      pauvre naze|pauvre tache|sale type|sale gosse|vas te faire|va te fair|vous faire mettre|va mourir|
      allez mourir|allez au diable|va au diable|allez vous faire foutre|aller vous faire foutre|va te faire voir|
      va chier|allez chier|va crever|allez crever|allez tous crever|fils de pute|fils de chien|trou du cul|
      trous du cul|trou de balle|mon cul|casse toi|cassez vous|casse couilles|tete de con|gros con|gros cons|
      pauvre con|pauvre conne|pauvres cons|sale con|sale conne|sales cons|bande de cons|les cons|bandes de cons|
      espece de con|espece de conne|tas de merde|sac a merde|de merde|la merde|une merde|des merdes|grosse merde|
      me faites chier|me fais chier|nous faites chier|fait chier|font chier|faites chier|foutez de ma gueule|
      fout de notre gueule|fout de ma gueule|fout de la gueule|fous de ma gueule|foutez de la gueule|
      foutre de la gueule|foutez de notre gueule|foutre de ma gueule|foutez de nous|fous de moi|foutez de moi|
      foutre de moi|je vous emmerde|je t emmerde|sous merde|sucez moi|bouffe tes morts|tes morts|ta mere|ta race|
      ta soeur la|sale race|sale arabe|sale noir|sale juif|sale blanc|mange merde|la ferme|tete de noeud|
      de mes deux|de mes couilles|ras le cul|rien a foutre|va te pendre|allez vous pendre|nique ta|nique vos|
      nique votre|va te recoucher|trou d uc|bras casses|petit con|petite conne|petits cons|gros lard|gros porc|
      grosse vache|sale chien|sale porc|allez vous coucher|foutage de gueule|ferme ton clapet|fermez votre clapet|
      ferme ta bouche|fermez votre bouche|ferme ton bec|boucle la|bouclez la|ferme la un peu|pour un con|
      pour une conne|pour des cons|sale bot|sale robot|sale machine|sale boite|sales robots|bot de malheur|
      bon a rien|bons a rien|bonne a rien|moins que rien|va te coucher|va jouer ailleurs|allez vous cacher|
      va te cacher|faites moi pas chier|faire chier|emmerder|vous torcher|pisse dessus|chie dessus|crache dessus|
      crache a la gueule|sous merdes|sous race`),
  thrown:
    list(`con cons conne connes voleur voleurs voleuse voleuses escroc escrocs menteur menteurs menteuse nul nuls nulle
      nulles nullard nullards nullos incapable incapables incompetent incompetents incompetente incompetentes idiot
      idiots idiote idiotes stupide stupides debile debiles bete betes fou fous folle malade malades ordure ordures
      chien chiens cochon cochons porc porcs ane anes vache vaches truie clown clowns guignol guignols charlot
      charlots rat rats crapule crapules pourri pourris pourrie degueulasse degueulasses feignant feignants
      feignasse feignasses faineant faineants fumier fumiers arnaqueur arnaqueurs tare tares bras mou boulet boulets
      rigolo rigolos tapette tapettes gourde gourdes cloche cloches andouille andouilles cornichon cornichons patate
      patates dinde dindes thon boudin larve larves parasite parasites vermine racaille racailles rapace rapaces
      vautour vautours bandit bandits mafieux malhonnete malhonnetes hypocrite hypocrites lache laches nase nases
      naze nazes minable minables blaireau blaireaux mongol mongole clochard clochards pourriture pourritures mytho
      mythos charognard charognards crasseux merde merdes charlatan charlatans quiche quiches nouille nouilles brele
      breles clampin clampins bouche bouches bouchee sourd sourds sourde aveugle aveugles attarde attardes arriere
      arrieres simplet simplets illettre illettres analphabete analphabetes chacal chacals charogne charognes hyene
      hyenes cafard cafards guignolo crapaud crapauds inutile inutiles branleurs bouseux plouc ploucs gland glands
      branque branques pitre pitres comique comiques zozo zozos mariole marioles cretinoide neuneu neuneus mollusque
      mollusques bachibouzouk sangsue sangsues filou filous truand truands brigand brigands malfrat malfrats pingre
      pingres cassos gredin gredins goujat goujats malpoli malpolis debilos dechet dechets gugus gugusse gugusses
      pequenaud pequenauds pignouf tromblon cingle cingles ahuri ahuris`),
  masked: list("merde merdes con cons cul nul nuls"),
  throwers:
    phrases(`t|es|c est vous qui etes|c est toi qui es|c est vous les|vous qui etes|toi qui es|restez|vous restez|bande de|
      bandes de|band de|espece de|especes de|tas de|ramassis de|sale|sales|pauvre|pauvres|gros|grosse|tete de|
      quelle bande de|quels|quel|vous etes|vous etes des|vous etes un|vous etes une|vous etes tous des|
      vous etes que des|vous etes qu un|vous etes vraiment|vous etes vraiment des|vous etes tous|
      vous n etes que des|vous etes qu une bande de|tu es|tu es un|tu es une|t es|t es un|t es une|t es qu un|
      t es vraiment|tu es vraiment|tu es qu un|vous etes de|vous etes rien que des|etes vous|es tu|etes vous tous|
      vous etes completement|t es completement|tu es completement|vous etes trop|t es trop|tu es trop|
      vous etes carrement|des vrais|de vrais|vrais|espece d|bande d|service de|boite de|boutique de|site de|
      equipe de|vendeurs de|vs etes|vous ete|vs etes des|vous ete des|vous etes ke des|vous etes juste des|
      c est des|ce sont des|ts des|t un|t une|t vraiment|bot de|robot de|ce bot est|ce robot est|gros tas de|
      vous prenez pour des|traiter de|chez vous c est des|vos|vos conseillers sont|vos employes sont|
      vos livreurs sont|vos vendeurs sont|votre equipe est|votre livreur est un|ton livreur est un|livreurs de|
      connards de|conseiller de`),
  between: list("vraiment tous trop que des de sales gros bien si"),
  alsoThings:
    list(`bouche bouches bouchee inutile inutiles aveugle aveugles sourd sourds sourde arriere arrieres crapaud crapauds
      cafard cafards quiche quiches nouille nouilles gourde gourdes cloche cloches cornichon cornichons patate
      patates dinde dindes thon boudin andouille andouilles tapette tapettes rat rats chien chiens cochon cochons
      porc porcs ane anes vache vaches truie gland glands boulet boulets bete betes bandit bandits fou fous timbre
      timbres cingle clown clowns larve larves parasite parasites vermine ordure ordures charlot vautour vautours
      blaireau blaireaux`),
  throwersOfThings:
    phrases(`vos|gros|grosse|quel|quels|t|service de|boite de|boutique de|site de|tas de|gros tas de|des vrais|de vrais|
      vrais|c est des|ce sont des|sale|sales`),
  aboutSelf:
    phrases(`je suis|suis je|je suis un|je suis une|je me sens|je suis trop|je suis vraiment|suis je trop|desole je suis|
      chui|chui trop|ma question est|question|j ai ete|si c est|peut etre|j suis|j suis trop|suis trop|suis un|
      suis une|suis|suis vraiment`),
  threats:
    phrases(`va vous retrouver|va te retrouver|allons vous retrouver|va vous trouver|va venir vous|va venir te|
      va tout casser|va vous faire la peau|va te faire la peau|va vous buter|va te buter|va vous crever|
      va vous defoncer|va vous casser|va te casser|vais vous retrouver|vais te retrouver|vous allez payer|
      tu vas le payer|vais te tuer|vais vous tuer|vais vous crever|vais te crever|vais te buter|vais vous buter|
      vais venir vous casser|vais tout cramer|tout cramer|mort a vous|vous etes morts|t es mort|tu es mort|
      je vais te tuer|je vais vous tuer|je vous tue|je te tue|je vais vous retrouver|je vais te retrouver|
      je vous retrouverai|je te retrouverai|je vais te trouver|je vais vous trouver|je sais ou vous habitez|
      je sais ou tu habites|je sais ou vous etes|je sais ou te trouver|je sais ou vous trouver|je vais te buter|
      je vais vous buter|te buter|vous buter|je vais te crever|je vais vous crever|te crever|crever les pneus|
      vous crever|casser la gueule|peter la gueule|defoncer la gueule|te defoncer|vous defoncer|tout casser|
      tout peter|casser les dents|casse les dents|casse la gueule|pete la gueule|defonce la gueule|te defonce|
      vous defonce|te casser la figure|vous casser la figure|foutre le feu|mettre le feu|cramer votre|bruler votre|
      brule votre|cramer ton|bruler ta|faire sauter|poser une bombe|pose une bombe|une bombe dans|
      tu vas le regretter|vous allez le regretter|vous le regretterez|tu le regretteras|vous allez me le payer|
      tu vas me le payer|vous me le paierez|vous allez payer cher|tu vas payer|faites gaffe a vous|fais gaffe a toi|
      gare a vous|gare a toi|attention a vous|attention a toi|attends que je|surveillez vos arrieres|
      surveille tes arrieres|tu vas voir ta|vous allez voir ce que|tu vas crever|vous allez crever|creve|crevez|
      vous meritez de crever|tu merites de mourir|j espere que vous allez mourir|te retrouver chez toi|
      on va se retrouver|je vais venir vous|je viens vous|je vais venir te|je debarque avec|avec une batte|
      a coup de batte|coups de batte|te frapper|vous frapper|te taper|je vais vous faire la peau|faire la peau|
      t arracher|vous arracher|t egorger|vous egorger|te massacrer|vous massacrer|je vais te faire mal|
      je vais vous faire mal`),
  innocent:
    phrases(`quel idiot je|quelle idiote je|quel con je|quelle conne je|quel abruti je|idiot que je suis|
      idiote que je suis|bete que je suis|con que je suis|pique nique|pique niques|con carne|chili con|table sale|
      linge sale|sac a ordures|sacs a ordures|poubelle a ordures|ordures menageres|boite a ordures|bac a ordures|
      tapette a mouches|tapette a souris|tapettes a|chien batard|batard de|mon chien|la bete|petite bete|
      petites betes|cul de sac|cul de poule|cul de bouteille|crever de chaud|creve de chaud|creve de faim|
      creve la dalle|je creve|pneu creve|tuyau creve|sac creve|bouee crevee|matelas creve|piscine crevee|
      pneus creves|roue crevee|roue creve|chambre a air creve|ballon creve|il est creve|est creve|je suis creve|
      est crevee|a creve|suis crevee|sont creves|sont crevees|crevee|j ai creve|un creve|suce pouce|sucette|
      la ferme pedagogique|produits de la ferme|a la ferme|de la ferme|ferme la page|fermez la boutique|
      fermez la page|ferme la boutique|fermez la veille|vous fermez la|fermez la semaine|fermez la le|la ferme du|
      dans la ferme|ferme la fenetre|sac de merde de chien|sac a crotte|mettre le feu au barbecue|
      mettre le feu au bois|mettre le feu a la cheminee|mettre le feu aux buches|mettre le feu dans|
      faire sauter les|faire sauter des|merde j ai|merde je|merde jai|ah merde|oh merde|et merde|zut merde|
      empire mongol|tente mongole|yourte mongole|gouine de|pere et fils|la mere et|a ta mere|pour ta mere|
      de ta mere|la demeure|ma demeure|une demeure|en demeure|mise en demeure|sa demeure|ta soeur|
      blaireau de rasage|blaireau pour|un blaireau|brosse blaireau|blaireau et|a pedale|a pedales|la pedale|
      les pedales|une pedale|pedale de|pedales de|pedale d|pedale de guitare|poubelle a pedale|voiture a pedales|
      minable de|feu de camp|la saloperie de|cette saloperie`),
  spellings: {
    ...{ vs: "vous", ete: "etes", ets: "etes", "2": "de", ke: "que", g: "j", tes: "t", fils2pute: "fdp" },
    ...{ vai: "vais", jvais: "vais", jvai: "vais", v: "vais", nik: "nique" },
  },
  calledNames,
};
